#include "page/html_context.h"
#include "page/template.h"

/* The text that a page puts into its layout, and the one that goes into that text's own {{$body}}. */
struct body {
    const struct template *template;
    size_t from, to;
    struct body *outer;
    bool is_used;
};

struct include {
    const struct template *template;
    const struct include *outer;
    size_t depth;
};

struct linker {
    struct arena *arena;
    struct template *const *set;
    size_t set_count;
    struct html_context html;
    struct program *program;
    size_t capacity;
    struct {
        uint32_t op;
        struct html_context html;
    } open[TEMPLATE_DEPTH_MAX];
    size_t depth;
    struct slice *error;
};

static bool broken(struct linker *linker, const struct template *template, uint32_t line, const char *what) {
    *linker->error = arena_printf(linker->arena, "%.*s:%u: %s", SLICE_ARG(template->path), line, what);
    return false;
}

static struct template *find(struct template *const *set, size_t count, struct slice name) {
    for (size_t i = 0; i < count; i++)
        if (slice_equal(set[i]->name, name))
            return set[i];
    return NULL;
}

void template_mark_included(struct template *const *set, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (const struct op *op = set[i]->ops; op < set[i]->ops + set[i]->count; op++)
            if (op->kind == OP_PARTIAL || op->kind == OP_LAYOUT) {
                struct template *included = find(set, count, op->text);
                if (included)
                    included->is_included = true;
            }
}

static bool emit(struct linker *linker, const struct template *template, const struct op *op, enum op_kind kind) {
    struct program *program = linker->program;
    if (program->count == TEMPLATE_OPS_MAX)
        return broken(linker, template, op->line, "the page has grown too large");
    if (program->count == linker->capacity) {
        linker->capacity = linker->capacity ? 2 * linker->capacity : 64;
        struct op *more = arena_alloc(linker->arena, linker->capacity * sizeof(*more));
        if (program->count)
            memcpy(more, program->ops, program->count * sizeof(*more));
        program->ops = more;
    }
    program->ops[program->count] = *op;
    program->ops[program->count++].kind = kind;
    return true;
}

static bool link_text(struct linker *linker, const struct template *template, const struct op *op) {
    const char *problem;
    size_t offset;
    if (html_read(&linker->html, op->text, &problem, &offset))
        return emit(linker, template, op, OP_TEXT);
    uint32_t line = op->line;
    for (size_t i = 0; i < offset; i++)
        line += op->text.at[i] == '\n';
    return broken(linker, template, line, problem);
}

static bool link_value(struct linker *linker, const struct template *template, const struct op *op) {
    bool is_url;
    const char *problem = html_value(&linker->html, &is_url);
    if (problem)
        return broken(linker, template, op->line, problem);
    if (is_url && op->kind != OP_VALUE)
        return broken(linker, template, op->line, "a phrase is no URL");
    return emit(linker, template, op, is_url ? OP_URL : op->kind);
}

static bool link_section(struct linker *linker, const struct template *template, const struct op *op) {
    const char *problem = html_section_begin(&linker->html);
    if (!problem && linker->depth == TEMPLATE_DEPTH_MAX)
        problem = "sections are nested too deep";
    if (problem)
        return broken(linker, template, op->line, problem);
    linker->open[linker->depth].op = (uint32_t)linker->program->count;
    linker->open[linker->depth++].html = linker->html;
    return emit(linker, template, op, op->kind);
}

static bool link_end(struct linker *linker, const struct template *template, const struct op *op) {
    linker->depth--;
    const char *problem = html_section_end(&linker->html, &linker->open[linker->depth].html);
    if (problem)
        return broken(linker, template, op->line, problem);
    uint32_t start = linker->open[linker->depth].op, end = (uint32_t)linker->program->count;
    if (!emit(linker, template, op, OP_END))
        return false;
    linker->program->ops[start].jump = end;
    linker->program->ops[end].jump = start;
    return true;
}

static bool link_range(struct linker *linker, const struct include *here, size_t from, size_t to, struct body *body);

/* Recursion is bounded by TEMPLATE_INCLUDE_MAX; it runs when templates are loaded, not on a fiber. */
static bool link_include(struct linker *linker, const struct include *here, const struct op *op, struct body *body) {
    const struct template *template = find(linker->set, linker->set_count, op->text);
    const char *problem = NULL;
    if (!template)
        problem = "there is no such template";
    else if (here->depth == TEMPLATE_INCLUDE_MAX)
        problem = "templates include one another too deep";
    for (const struct include *outer = here; outer && !problem; outer = outer->outer)
        if (outer->template == template)
            problem = "a template cannot include itself";
    if (problem) {
        struct slice what = arena_printf(linker->arena, "%s: %.*s", problem, SLICE_ARG(op->text));
        return broken(linker, here->template, op->line, arena_string(linker->arena, what));
    }
    struct include inner = {template, here, here->depth + 1};
    return link_range(linker, &inner, 0, template->count, body);
}

static bool link_layout(struct linker *linker, const struct include *here, size_t at, struct body *body) {
    const struct op *op = &here->template->ops[at];
    struct body inner = {here->template, at + 1, op->jump, body, false};
    if (!link_include(linker, here, op, &inner))
        return false;
    return inner.is_used || broken(linker, here->template, op->line, "that layout has no {{$body}}");
}

static bool link_body(struct linker *linker, const struct include *here, const struct op *op, struct body *body) {
    if (!body)
        return true; /* a layout that is printed by itself */
    if (here->depth == TEMPLATE_INCLUDE_MAX)
        return broken(linker, here->template, op->line, "templates include one another too deep");
    body->is_used = true;
    struct include inner = {body->template, here, here->depth + 1};
    return link_range(linker, &inner, body->from, body->to, body->outer);
}

static bool link_range(struct linker *linker, const struct include *here, size_t from, size_t to, struct body *body) {
    const struct template *template = here->template;
    bool is_linked = true;
    for (size_t i = from; i < to && is_linked; i++) {
        const struct op *op = &template->ops[i];
        switch (op->kind) {
        case OP_TEXT:
            is_linked = link_text(linker, template, op);
            break;
        case OP_VALUE:
        case OP_URL:
        case OP_PHRASE:
        case OP_PHRASED:
            is_linked = link_value(linker, template, op);
            break;
        case OP_SECTION:
        case OP_INVERTED:
            is_linked = link_section(linker, template, op);
            break;
        case OP_END:
            is_linked = link_end(linker, template, op);
            break;
        case OP_PARTIAL:
            is_linked = link_include(linker, here, op, body);
            break;
        case OP_LAYOUT:
            is_linked = link_layout(linker, here, i, body);
            i = op->jump;
            break;
        case OP_BODY:
            is_linked = link_body(linker, here, op, body);
            break;
        }
    }
    return is_linked;
}

bool template_link(struct arena *arena, struct template *const *set, size_t count, const struct template *page,
                   struct program *program, struct slice *error) {
    struct linker *linker = arena_zalloc(arena, sizeof(*linker)); /* too large for a frame */
    *program = (struct program){.count = 0};
    linker->arena = arena;
    linker->set = set;
    linker->set_count = count;
    linker->program = program;
    linker->error = error;
    const struct include here = {page, NULL, 0};
    if (!link_range(linker, &here, 0, page->count, NULL))
        return false;
    uint32_t last_line = page->count ? page->ops[page->count - 1].line : 1;
    return linker->html.place == HTML_TEXT || broken(linker, page, last_line, "the page ends inside a tag or comment");
}
