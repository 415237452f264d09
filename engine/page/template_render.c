#include "page/html_context.h"
#include "page/template.h"

/* A section that is being printed, and the value that names are looked up in. */
struct scope {
    const struct value *value;
    const struct value *next; /* the list's next item */
};

static const struct value *look_up(const struct scope *scopes, size_t depth, struct slice name) {
    if (slice_is(name, "."))
        return scopes[depth].value;
    struct slice rest = name, first = slice_cut(&rest, '.');
    const struct value *found = NULL;
    for (size_t i = depth + 1; i > 0 && !found; i--)
        found = value_get_slice(scopes[i - 1].value, first);
    while (found && slice_is_set(rest))
        found = value_get_slice(found, slice_cut(&rest, '.'));
    return found;
}

static bool is_shown(const struct value *value) {
    if (!value)
        return false;
    switch (value->kind) {
    case VALUE_NULL:
        return false;
    case VALUE_BOOL:
        return value->boolean;
    case VALUE_TEXT:
        return value->text.len > 0;
    case VALUE_LIST:
        return value->count > 0;
    default:
        return true;
    }
}

static void print_escaped(struct buffer *buffer, struct slice text) {
    size_t done = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *entity;
        switch (text.at[i]) {
        case '&':
            entity = "&amp;";
            break;
        case '<':
            entity = "&lt;";
            break;
        case '>':
            entity = "&gt;";
            break;
        case '"':
            entity = "&quot;";
            break;
        case '\'':
            entity = "&#39;";
            break;
        case '`':
            entity = "&#96;";
            break;
        default:
            continue;
        }
        buffer_add(buffer, (struct slice){text.at + done, i - done});
        buffer_add_text(buffer, entity);
        done = i + 1;
    }
    buffer_add(buffer, (struct slice){text.at + done, text.len - done});
}

static void print_value(struct buffer *buffer, const struct value *value, bool is_url) {
    if (!value)
        return;
    switch (value->kind) {
    case VALUE_TEXT:
        if (is_url && !url_is_safe(value->text))
            buffer_add_text(buffer, "about:invalid"); /* leads nowhere, and says why when one looks */
        else if (value->text.len)
            print_escaped(buffer, value->text);
        break;
    case VALUE_BOOL:
        buffer_add_text(buffer, value->boolean ? "true" : "false");
        break;
    case VALUE_INT:
        buffer_add_int(buffer, value->integer);
        break;
    case VALUE_REAL:
        buffer_printf(buffer, "%g", value->real);
        break;
    default:
        break;
    }
}

static struct scope scope_of(const struct value *value) {
    if (value->kind == VALUE_LIST)
        return (struct scope){value->first, value->first->next};
    return (struct scope){value, NULL};
}

/* A loop with a stack of its own: nesting was bounded when the page was linked, a list in a context
 * cannot make it deeper. */
void template_render(const struct program *program, struct buffer *buffer, const struct value *context,
                     const struct language *language) {
    struct scope *scopes = arena_alloc(buffer->arena, (TEMPLATE_DEPTH_MAX + 1) * sizeof(*scopes));
    size_t depth = 0;
    scopes[0] = (struct scope){context, NULL};
    for (size_t i = 0; i < program->count && buffer->len < TEMPLATE_OUTPUT_MAX; i++) {
        const struct op *op = &program->ops[i];
        const struct value *value = NULL;
        if (op->kind != OP_TEXT && op->kind != OP_END && op->kind != OP_PHRASE)
            value = look_up(scopes, depth, op->text);
        switch (op->kind) {
        case OP_TEXT:
            buffer_add(buffer, op->text);
            break;
        case OP_VALUE:
        case OP_URL:
            print_value(buffer, value, op->kind == OP_URL);
            break;
        case OP_PHRASE:
            print_escaped(buffer, language_phrase(language, op->text));
            break;
        case OP_PHRASED:
            if (value && value->kind == VALUE_TEXT)
                print_escaped(buffer, language_phrase(language, value->text));
            break;
        case OP_SECTION:
            if (!is_shown(value))
                i = op->jump;
            else
                scopes[++depth] = scope_of(value);
            break;
        case OP_INVERTED:
            if (is_shown(value)) {
                i = op->jump;
                break;
            }
            scopes[depth + 1] = (struct scope){scopes[depth].value, NULL}; /* names mean the same inside */
            depth++;
            break;
        case OP_END:
            if (scopes[depth].next) {
                scopes[depth] = (struct scope){scopes[depth].next, scopes[depth].next->next};
                i = op->jump;
            } else {
                depth--;
            }
            break;
        default:
            break;
        }
    }
}
