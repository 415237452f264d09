#include "page/template.h"

struct parser {
    struct arena *arena;
    struct template *template;
    struct slice text;
    size_t at;
    uint32_t line; /* of `at` */
    struct op *ops;
    size_t count;
    uint32_t open[TEMPLATE_DEPTH_MAX]; /* the sections around `at` */
    size_t depth;
    struct slice *error;
};

static bool broken(struct parser *parser, uint32_t line, const char *what, struct slice name) {
    struct template *template = parser->template;
    *parser->error =
        slice_is_set(name)
            ? arena_printf(parser->arena, "%.*s:%u: %s: %.*s", SLICE_ARG(template->path), line, what, SLICE_ARG(name))
            : arena_printf(parser->arena, "%.*s:%u: %s", SLICE_ARG(template->path), line, what);
    return false;
}

static uint32_t lines_in(struct slice s) {
    uint32_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += s.at[i] == '\n';
    return count;
}

static struct op *add(struct parser *parser, enum op_kind kind, struct slice text) {
    struct op *op = &parser->ops[parser->count++];
    *op = (struct op){.kind = kind, .line = parser->line, .text = text};
    return op;
}

static bool is_word_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool is_name(struct slice name, bool may_have_dots) {
    if (name.len == 0 || name.len > TEMPLATE_NAME_MAX)
        return false;
    if (may_have_dots && slice_is(name, "."))
        return true;
    bool word_follows = true;
    for (size_t i = 0; i < name.len; i++) {
        bool is_dot = name.at[i] == '.' && may_have_dots && !word_follows;
        if (!is_dot && !is_word_byte(name.at[i]))
            return false;
        word_follows = is_dot;
    }
    return !word_follows;
}

static bool section_opens(struct parser *parser, enum op_kind kind, struct slice name) {
    if (parser->depth == TEMPLATE_DEPTH_MAX)
        return broken(parser, parser->line, "sections are nested too deep at", name);
    parser->open[parser->depth++] = (uint32_t)parser->count;
    add(parser, kind, name);
    return true;
}

static bool section_closes(struct parser *parser, struct slice name) {
    if (parser->depth == 0)
        return broken(parser, parser->line, "closes what is not open", name);
    uint32_t open = parser->open[--parser->depth];
    struct op *opener = &parser->ops[open];
    if (!slice_equal(opener->text, name))
        return broken(parser, parser->line,
                      arena_string(parser->arena, arena_printf(parser->arena, "the open section is %.*s, not",
                                                               SLICE_ARG(opener->text))),
                      name);
    opener->jump = (uint32_t)parser->count;
    add(parser, OP_END, name)->jump = open;
    return true;
}

/* The text between the braces. */
static bool tag(struct parser *parser, struct slice inner) {
    char sigil = inner.len ? inner.at[0] : '\0';
    if (sigil == '!')
        return true;
    if (sigil == '{' || sigil == '&')
        return broken(parser, parser->line, "every value is escaped; there is no tag that prints it raw", SLICE_NONE);
    if (sigil == '=')
        return broken(parser, parser->line, "the braces cannot be changed", SLICE_NONE);
    bool has_sigil = sigil && strchr("#^/><$_~", sigil);
    bool names_value = !has_sigil || strchr("#^/~", sigil);
    struct slice name = slice_trim(has_sigil ? slice_from(inner, 1) : inner);
    if (sigil == '_') {
        if (!name.len || name.len > TEMPLATE_PHRASE_MAX)
            return broken(parser, parser->line, "a phrase is a text of one line, and not too long", SLICE_NONE);
        add(parser, OP_PHRASE, name);
        return true;
    }
    if (!is_name(name, names_value))
        return broken(parser, parser->line, "not a name", inner);
    switch (sigil) {
    case '#':
        return section_opens(parser, OP_SECTION, name);
    case '^':
        return section_opens(parser, OP_INVERTED, name);
    case '<':
        return section_opens(parser, OP_LAYOUT, name);
    case '/':
        return section_closes(parser, name);
    case '>':
        add(parser, OP_PARTIAL, name);
        return true;
    case '$':
        if (!slice_is(name, "body"))
            return broken(parser, parser->line, "a layout has {{$body}} only, not", name);
        add(parser, OP_BODY, name);
        return true;
    case '~':
        add(parser, OP_PHRASED, name);
        return true;
    default:
        add(parser, OP_VALUE, name);
        return true;
    }
}

static bool is_blank(struct slice s) {
    return slice_trim(s).len == 0;
}

/* A tag that prints nothing itself and has a line for itself takes the line with it, as in mustache:
 * pages keep no empty lines where sections were. Returns whether it does, and where that line ends. */
static bool stands_alone(const struct parser *parser, size_t start, size_t end, size_t *line_start, size_t *line_end) {
    struct slice text = parser->text;
    if (start + 2 >= text.len || !strchr("#^/><$!", text.at[start + 2]))
        return false;
    size_t first = start, last = end;
    while (first > 0 && text.at[first - 1] != '\n')
        first--;
    while (last < text.len && text.at[last] != '\n')
        last++;
    struct slice before = {text.at + first, start - first}, after = {text.at + end, last - end};
    if (after.len && after.at[after.len - 1] == '\r')
        after.len--;
    *line_start = first;
    *line_end = last < text.len ? last + 1 : last;
    return is_blank(before) && is_blank(after);
}

static size_t find_braces(struct slice text, size_t from, const char *braces) {
    const char *found = from < text.len ? memmem(text.at + from, text.len - from, braces, 2) : NULL;
    return found ? (size_t)(found - text.at) : text.len;
}

static void add_text(struct parser *parser, size_t end) {
    struct slice text = {parser->text.at + parser->at, end - parser->at};
    if (text.len)
        add(parser, OP_TEXT, text);
}

static void move_to(struct parser *parser, size_t at) {
    parser->line += lines_in((struct slice){parser->text.at + parser->at, at - parser->at});
    parser->at = at;
}

static bool parse(struct parser *parser) {
    struct slice text = parser->text;
    while (parser->at < text.len) {
        size_t start = find_braces(text, parser->at, "{{");
        if (start == text.len) {
            add_text(parser, text.len);
            break;
        }
        size_t close = find_braces(text, start + 2, "}}"), end = close + 2, line_start, line_end;
        bool is_alone = close < text.len && stands_alone(parser, start, end, &line_start, &line_end);
        size_t text_end = is_alone && line_start >= parser->at ? line_start : start;
        add_text(parser, text_end);
        move_to(parser, start);
        if (close == text.len)
            return broken(parser, parser->line, "{{ without }}", SLICE_NONE);
        struct slice inner = {text.at + start + 2, close - start - 2};
        if (inner.len && inner.at[0] != '!' && memchr(inner.at, '\n', inner.len))
            return broken(parser, parser->line, "{{ without }} on its line", SLICE_NONE);
        if (!tag(parser, slice_trim(inner)))
            return false;
        move_to(parser, is_alone ? line_end : end);
    }
    if (parser->depth == 0)
        return true;
    const struct op *open = &parser->ops[parser->open[parser->depth - 1]];
    return broken(parser, open->line, "section is never closed", open->text);
}

struct template *template_parse(struct arena *arena, struct slice name, struct slice path, struct slice text,
                                struct slice *error) {
    struct template *template = arena_zalloc(arena, sizeof(*template));
    template->name = name;
    template->path = path;
    struct parser parser = {.arena = arena, .template = template, .text = text, .line = 1, .error = error};
    size_t tags = 0;
    for (size_t at = find_braces(text, 0, "{{"); at < text.len; at = find_braces(text, at + 2, "{{"))
        tags++;
    parser.ops = arena_alloc(arena, (2 * tags + 1) * sizeof(*parser.ops)); /* each with a text before it */
    if (!parse(&parser))
        return NULL;
    template->ops = parser.ops;
    template->count = parser.count;
    return template;
}
