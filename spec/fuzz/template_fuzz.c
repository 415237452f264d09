/* Templates, and values in every place where one may print them: a template is refused with its line, or whatever a
 * value holds, the page keeps its shape: no tag, attribute or comment begins or ends with it. */
#include "fuzz.h"

#include "page/html_context.h"
#include "page/template.h"

static const char *const hostile[] = {
    "\"><script>alert(1)</script>", "' onclick='x", "-->", "</title><b>", "javascript:alert(1)", "{{x}}&lt;`=", "<!--",
};

enum { HOSTILE = sizeof(hostile) / sizeof(*hostile), PLAIN = HOSTILE };

/* Lists and flags by the first letter of the name, so that both contexts take the same ways. */
static struct value *value_of(struct arena *arena, struct slice name, size_t which, int depth) {
    struct slice text = which == PLAIN ? SLICE("plain") : slice_of(hostile[which]);
    switch (name.len && depth < 2 ? name.at[0] % 5 : 0) {
    case 1:
        return value_bool(arena, true);
    case 2:
        return value_bool(arena, false);
    case 3: {
        struct value *list = value_list(arena);
        for (int i = 0; i < 2; i++) {
            struct value *item = value_map(arena);
            value_set(item, name, value_of(arena, name, which, depth + 1));
            value_append(list, item);
        }
        return list;
    }
    case 4: {
        struct value *map = value_map(arena);
        value_set_text(arena, map, "name", text);
        return map;
    }
    default:
        return value_text(arena, text);
    }
}

static struct value *context_of(struct arena *arena, const struct program *program, size_t which) {
    struct value *context = value_map(arena);
    for (size_t i = 0; i < program->count; i++) {
        const struct op *op = &program->ops[i];
        bool is_name = op->kind == OP_VALUE || op->kind == OP_URL || op->kind == OP_PHRASED || op->kind == OP_SECTION ||
                       op->kind == OP_INVERTED;
        if (is_name && !value_get_slice(context, op->text))
            value_set(context, op->text, value_of(arena, op->text, which, 0));
    }
    return context;
}

static struct slice printed(struct arena *arena, const struct program *program, size_t which) {
    struct buffer html = buffer_in(arena);
    template_render(program, &html, context_of(arena, program, which), NULL);
    return buffer_slice(&html);
}

static size_t count_of(struct slice text, char c) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == c;
    return count;
}

static void fuzz(struct arena *arena, struct slice input) {
    struct slice error = SLICE_NONE;
    struct program program;
    struct template *page = template_parse(arena, SLICE("main"), SLICE("main.html"), input, &error);
    if (!page || !template_link(arena, &page, 1, page, &program, &error)) {
        FUZZ_CHECK(error.len > 0 && slice_starts(error, "main.html:"));
        return;
    }
    struct slice plain = printed(arena, &program, PLAIN);
    for (size_t which = 0; which < HOSTILE; which++) {
        struct slice html = printed(arena, &program, which);
        if (html.len >= TEMPLATE_OUTPUT_MAX || plain.len >= TEMPLATE_OUTPUT_MAX)
            return;
        for (const char *c = "<>\"'"; *c; c++)
            FUZZ_CHECK(count_of(html, *c) == count_of(plain, *c));
        struct html_context ours = {0}, theirs = {0};
        const char *problem;
        size_t offset;
        bool is_read = html_read(&ours, plain, &problem, &offset);
        FUZZ_CHECK(is_read == html_read(&theirs, html, &problem, &offset));
        FUZZ_CHECK(!is_read || ours.place == theirs.place);
    }
}
