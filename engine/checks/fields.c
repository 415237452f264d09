#include "checks/fields.h"

#include "base/utf8.h"
#include "checks/redirect_uri.h"
#include "server/route.h"

#include <ctype.h>
#include <stdlib.h>

enum { ITEM_LEN_MAX = 2048 };

static void text_check(struct request *request, const struct field *field, const struct value *value) {
    int64_t count = value->kind == VALUE_TEXT ? (int64_t)utf8_count(value->text) : 0;
    if (value->kind != VALUE_TEXT)
        request_invalid(request, "body", field->name, -1, "string_type", "%s must be a string", field->name);
    else if (count < field->min)
        request_invalid(request, "body", field->name, -1, "string_too_short", "%s must have at least %lld characters",
                        field->name, (long long)field->min);
    else if (count > field->max)
        request_invalid(request, "body", field->name, -1, "string_too_long", "%s may have at most %lld characters",
                        field->name, (long long)field->max);
    else if (utf8_has_controls(value->text, field->flags & FIELD_LINES))
        request_invalid(request, "body", field->name, -1, "string_pattern", "%s may not have control characters",
                        field->name);
}

static void url_check(struct request *request, const struct field *field, const struct value *value) {
    struct uri uri;
    if (value->kind != VALUE_TEXT) {
        text_check(request, field, value);
    } else if (!uri_parse(request->arena, value->text, &uri) || !uri.has_authority || uri.has_userinfo ||
               !(slice_is(uri.scheme, "http") || slice_is(uri.scheme, "https"))) {
        request_invalid(request, "body", field->name, -1, "url", "%s must be an http or https URL", field->name);
    }
}

static void int_check(struct request *request, const struct field *field, const struct value *value) {
    if (value->kind != VALUE_INT)
        request_invalid(request, "body", field->name, -1, "int_parsing", "%s must be a whole number", field->name);
    else if (value->integer < field->min || value->integer > field->max)
        request_invalid(request, "body", field->name, -1, "int_range", "%s must be from %lld to %lld", field->name,
                        (long long)field->min, (long long)field->max);
}

static void texts_check(struct request *request, const struct field *field, const struct value *value) {
    if (value->kind != VALUE_LIST) {
        request_invalid(request, "body", field->name, -1, "list_type", "%s must be a list", field->name);
        return;
    }
    if ((int64_t)value->count < field->min)
        request_invalid(request, "body", field->name, -1, "list_too_short", "%s must have at least %lld items",
                        field->name, (long long)field->min);
    if ((int64_t)value->count > field->max) {
        request_invalid(request, "body", field->name, -1, "list_too_long", "%s may have at most %lld items",
                        field->name, (long long)field->max);
        return;
    }
    int index = 0;
    for (const struct value *item = value->first; item; item = item->next, index++) {
        if (item->kind != VALUE_TEXT)
            request_invalid(request, "body", field->name, index, "string_type", "every item must be a string");
        else if (item->text.len > ITEM_LEN_MAX)
            request_invalid(request, "body", field->name, index, "string_too_long",
                            "an item may have at most %d characters", ITEM_LEN_MAX);
        else if (utf8_has_controls(item->text, false))
            request_invalid(request, "body", field->name, index, "string_pattern",
                            "an item may not have control characters");
    }
}

static void field_check(struct request *request, const struct field *field, const struct value *value) {
    switch (field->kind) {
    case FIELD_TEXT:
        text_check(request, field, value);
        return;
    case FIELD_URL:
        url_check(request, field, value);
        return;
    case FIELD_BOOL:
        if (value->kind != VALUE_BOOL)
            request_invalid(request, "body", field->name, -1, "bool_parsing", "%s must be true or false", field->name);
        return;
    case FIELD_INT:
        int_check(request, field, value);
        return;
    case FIELD_TEXTS:
        texts_check(request, field, value);
        return;
    case FIELD_OBJECT:
        if (value->kind != VALUE_MAP)
            request_invalid(request, "body", field->name, -1, "object_type", "%s must be an object", field->name);
        return;
    }
}

bool fields_check(struct request *request, const struct field *fields, enum fields_of what) {
    if (!request->json || request->json->kind != VALUE_MAP) {
        request_invalid(request, "body", NULL, -1, "json_invalid", "The body must be a JSON object.");
        return false;
    }
    bool is_new = what == FIELDS_OF_NEW;
    for (const struct field *field = fields; field->name; field++) {
        const struct value *value = value_get(request->json, field->name);
        bool is_null = value && value->kind == VALUE_NULL;
        if (is_null && !(field->flags & FIELD_NULLABLE)) {
            value_remove(request->json, field->name);
            value = NULL;
        }
        if (is_new && (field->flags & FIELD_CHANGE_ONLY))
            continue;
        if (value && !is_null)
            field_check(request, field, value);
        else if (!value && is_new && (field->flags & FIELD_REQUIRED))
            request_invalid(request, "body", field->name, -1, "missing", "%s is required", field->name);
    }
    return true;
}

static struct value *query_bool(struct request *request, const struct field *field, struct slice text) {
    static const char *const words[][2] = {{"false", "true"}, {"0", "1"}, {"no", "yes"}, {"off", "on"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        for (int yes = 0; yes <= 1; yes++)
            if (slice_is_nocase(text, words[i][yes]))
                return value_bool(request->arena, yes);
    request_invalid(request, "query", field->name, -1, "bool_parsing", "%s must be true or false", field->name);
    return NULL;
}

static struct value *query_int(struct request *request, const struct field *field, struct slice text) {
    enum { DIGITS_MAX = 18 };
    size_t sign = text.len && text.at[0] == '-', digits = 0;
    while (sign + digits < text.len && isdigit((unsigned char)text.at[sign + digits]))
        digits++;
    if (!digits || sign + digits != text.len || digits > DIGITS_MAX) {
        request_invalid(request, "query", field->name, -1, "int_parsing", "%s must be a whole number", field->name);
        return NULL;
    }
    int64_t number = strtoll(arena_string(request->arena, text), NULL, 10);
    if (number > field->max && field->flags & FIELD_CAPPED)
        number = field->max;
    if (number >= field->min && number <= field->max)
        return value_int(request->arena, number);
    request_invalid(request, "query", field->name, -1, "int_range", "%s must be from %lld to %lld", field->name,
                    (long long)field->min, (long long)field->max);
    return NULL;
}

static struct value *query_text(struct request *request, const struct field *field, struct slice text) {
    if ((int64_t)utf8_count(text) <= field->max)
        return value_text(request->arena, text);
    request_invalid(request, "query", field->name, -1, "string_too_long", "%s may have at most %lld characters",
                    field->name, (long long)field->max);
    return NULL;
}

struct value *fields_query(struct request *request, const struct field *fields) {
    struct value *map = value_map(request->arena);
    for (const struct field *field = fields; field->name; field++) {
        struct slice text = params_get(&request->query, field->name);
        if (!slice_is_set(text))
            continue;
        struct value *value = field->kind == FIELD_BOOL  ? query_bool(request, field, text)
                              : field->kind == FIELD_INT ? query_int(request, field, text)
                                                         : query_text(request, field, text);
        if (value)
            value_set_value(map, field->name, value);
    }
    return map;
}

static void required_check(struct request *request, const struct params *params, const char *place,
                           const struct field *fields) {
    for (const struct field *field = fields; field && field->name; field++)
        if ((field->flags & FIELD_REQUIRED) && !slice_is_set(params_get(params, field->name)))
            request_invalid(request, place, field->name, -1, "missing", "%s is required", field->name);
}

void fields_required(struct request *request) {
    required_check(request, &request->query, "query", request->route->query);
    required_check(request, &request->form, "body", request->route->fields);
}

bool field_failed(const struct request *request, const char *name, int index) {
    for (const struct invalid_field *invalid = request->invalid; invalid; invalid = invalid->next)
        if (slice_is(invalid->field, name) && invalid->index == index)
            return true;
    return false;
}

struct slice field_text(const struct value *map, const char *name) {
    return value_get_text(map, name);
}

bool field_bool(const struct value *map, const char *name, bool otherwise) {
    const struct value *value = value_get(map, name);
    return value && value->kind == VALUE_BOOL ? value->boolean : otherwise;
}

int64_t field_int(const struct value *map, const char *name, int64_t otherwise) {
    const struct value *value = value_get(map, name);
    return value && value->kind == VALUE_INT ? value->integer : otherwise;
}

const struct value *field_list(const struct value *map, const char *name) {
    const struct value *value = value_get(map, name);
    return value && value->kind == VALUE_LIST ? value : NULL;
}
