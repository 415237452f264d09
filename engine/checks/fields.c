#include "checks/fields.h"

#include "base/utf8.h"
#include "checks/redirect_uri.h"

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
    }
}

bool fields_check(struct request *request, const struct field *fields) {
    if (!request->json || request->json->kind != VALUE_MAP) {
        request_invalid(request, "body", NULL, -1, "json_invalid", "The body must be a JSON object.");
        return false;
    }
    for (const struct field *field = fields; field->name; field++) {
        const struct value *value = value_get(request->json, field->name);
        bool is_null = value && value->kind == VALUE_NULL;
        if (!value || (is_null && field->nullable)) {
            if (!value && field->required)
                request_invalid(request, "body", field->name, -1, "missing", "%s is required", field->name);
        } else {
            field_check(request, field, value);
        }
    }
    return true;
}

bool field_failed(const struct request *request, const char *name, int index) {
    for (const struct invalid_field *invalid = request->invalid; invalid; invalid = invalid->next)
        if (slice_is(invalid->field, name) && invalid->index == index)
            return true;
    return false;
}

struct slice field_text(const struct request *request, const char *name) {
    return value_get_text(request->json, name);
}

bool field_bool(const struct request *request, const char *name, bool otherwise) {
    const struct value *value = value_get(request->json, name);
    return value && value->kind == VALUE_BOOL ? value->boolean : otherwise;
}

int64_t field_int(const struct request *request, const char *name, int64_t otherwise) {
    const struct value *value = value_get(request->json, name);
    return value && value->kind == VALUE_INT ? value->integer : otherwise;
}

const struct value *field_list(const struct request *request, const char *name) {
    const struct value *value = value_get(request->json, name);
    return value && value->kind == VALUE_LIST ? value : NULL;
}
