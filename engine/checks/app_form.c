#include "checks/app_form.h"

#include "checks/app_rules.h"
#include "checks/client.h"
#include "checks/scope.h"

#include <errno.h>
#include <stdlib.h>

static bool is_on_form(const struct field *field) {
    return field->kind != FIELD_OBJECT && !(field->flags & FIELD_CHANGE_ONLY);
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void add_words(struct arena *arena, struct value *list, struct slice text) {
    for (size_t end; text.len; text = slice_from(text, end)) {
        for (end = 0; end < text.len && !is_space(text.at[end]);)
            end++;
        if (end)
            value_append_text(arena, list, (struct slice){text.at, end});
        else
            end = 1;
    }
}

/* All of that name: a text of several lines, boxes that are ticked, or both. */
static struct value *list_read(struct request *request, const char *name) {
    struct value *list = value_list(request->arena);
    for (size_t i = 0; i < request->form.count; i++)
        if (slice_is(request->form.list[i].name, name))
            add_words(request->arena, list, request->form.list[i].value);
    return list;
}

static struct value *int_read(struct request *request, struct slice text) {
    const char *start = arena_string(request->arena, text);
    char *end;
    errno = 0;
    int64_t number = text.len ? strtoll(start, &end, 10) : 0;
    return text.len && *end == '\0' && !errno ? value_int(request->arena, number) : value_text(request->arena, text);
}

struct value *app_form_read(struct request *request) {
    struct arena *arena = request->arena;
    struct value *body = value_map(arena);
    for (const struct field *field = app_fields; field->name; field++) {
        struct slice text = params_get(&request->form, field->name);
        if (!is_on_form(field))
            continue;
        switch (field->kind) {
        case FIELD_BOOL:
            value_set_bool(arena, body, field->name, slice_is_set(text));
            break;
        case FIELD_INT:
            value_set_value(body, field->name, int_read(request, text));
            break;
        case FIELD_TEXTS:
            value_set_value(body, field->name, list_read(request, field->name));
            break;
        default:
            text = slice_trim(text);
            if (text.len == 0)
                text = field->flags & FIELD_NULLABLE || field->kind == FIELD_URL ? SLICE_NONE : SLICE("");
            value_set_text(arena, body, field->name, text);
        }
    }
    return body;
}

/* --- to be shown --- */

static struct slice lines_of(struct arena *arena, const struct value *list) {
    struct buffer lines = buffer_in(arena);
    for (const struct value *item = list->first; item; item = item->next) {
        if (lines.len)
            buffer_add_byte(&lines, '\n');
        if (item->kind == VALUE_TEXT)
            buffer_add(&lines, item->text);
    }
    return buffer_slice(&lines);
}

static bool is_chosen(const struct value *chosen, struct slice name) {
    if (!chosen || (chosen->kind != VALUE_TEXT && chosen->kind != VALUE_LIST))
        return false;
    return chosen->kind == VALUE_TEXT ? slice_equal(chosen->text, name) : scope_holds(chosen, name);
}

/* { name, chosen } for each of those names. */
static struct value *choices_of(struct arena *arena, const char *names, const struct value *chosen) {
    struct value *list = value_list(arena);
    struct slice rest = slice_of(names);
    while (slice_is_set(rest)) {
        struct value *choice = value_map(arena);
        struct slice name = slice_cut(&rest, ' ');
        value_set_text(arena, choice, "name", name);
        value_set_bool(arena, choice, "chosen", is_chosen(chosen, name));
        value_append(list, choice);
    }
    return list;
}

void app_form_show(struct request *request, struct value *context, const struct value *app) {
    struct arena *arena = request->arena;
    struct value *form = value_map(arena);
    for (const struct field *field = app_fields; field->name; field++) {
        const struct value *value = value_get(app, field->name);
        if (!is_on_form(field) || !value)
            continue;
        if (value->kind == VALUE_LIST)
            value_set_text(arena, form, field->name, lines_of(arena, value));
        else
            value_set_value(form, field->name, value_copy(arena, value));
    }
    value_set_value(form, "auth_methods",
                    choices_of(arena, CLIENT_AUTH_METHODS, value_get(app, "token_endpoint_auth_method")));
    value_set_value(form, "algs", choices_of(arena, SIGNING_ALGS, value_get(app, "id_token_signed_response_alg")));
    value_set_value(form, "grants", choices_of(arena, GRANT_TYPES, value_get(app, "grant_types")));
    value_set_value(context, "form", form);
}

void app_form_show_error(struct request *request, struct value *context, enum error error) {
    struct arena *arena = request->arena;
    struct value *problems = value_list(arena);
    request->error = error;
    for (const struct invalid_field *field = request->invalid; field; field = field->next) {
        struct value *problem = value_map(arena);
        value_set_text(arena, problem, "field", field->field);
        value_set_text(arena, problem, "message", field->message);
        value_append(problems, problem);
    }
    value_set_value(context, "problems", problems);
    if (!request->invalid)
        value_set_text(arena, context, "error",
                       slice_is_set(request->error_text) ? request->error_text : slice_of(error_kind(error)->text));
}
