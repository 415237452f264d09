#include "policy/shape.h"

#include "base/buffer.h"

enum { TEXT_BYTES_DEFAULT = 4096, ITEMS_DEFAULT = 1024 };

struct check {
    struct arena *arena;
    struct slice *error;
};

/* "a number", "a list": how Lua's author would call it. */
static const char *kind_words(const struct value *value) {
    switch (value->kind) {
    case VALUE_NULL:
        return "nil";
    case VALUE_BOOL:
        return value->boolean ? "true" : "false";
    case VALUE_INT:
    case VALUE_REAL:
        return "a number";
    case VALUE_TEXT:
        return "a text";
    case VALUE_LIST:
        return value->count ? "a list" : "an empty table";
    case VALUE_MAP:
        return "a table with names";
    }
    return "";
}

static bool refuse(struct check *check, struct slice path, const struct value *value, const char *wanted) {
    *check->error = arena_printf(check->arena, "%.*s must be %s, and is %s", SLICE_ARG(path), wanted,
                                 value ? kind_words(value) : "missing");
    return false;
}

static bool is_in_range(const struct shape *shape, int64_t number) {
    return shape->min == shape->max || (number >= shape->min && number <= shape->max);
}

static bool check_int(struct check *check, const struct shape *shape, const struct value *value, struct slice path) {
    if (value->kind == VALUE_INT && is_in_range(shape, value->integer))
        return true;
    const char *wanted = "a whole number";
    if (shape->min != shape->max)
        wanted =
            arena_printf(check->arena, "a whole number from %lld to %lld", (long long)shape->min, (long long)shape->max)
                .at;
    refuse(check, path, value, wanted);
    if (value->kind == VALUE_INT)
        *check->error = arena_printf(check->arena, "%.*s must be %s, and is %lld", SLICE_ARG(path), wanted,
                                     (long long)value->integer);
    return false;
}

/* Texts are for people and end in pages, JSON and redirects: no control characters. */
static bool check_text(struct check *check, const struct shape *shape, const struct value *value, struct slice path) {
    int64_t max = shape->max ? shape->max : TEXT_BYTES_DEFAULT;
    if (value->kind != VALUE_TEXT)
        return refuse(check, path, value, "a text");
    bool is_good = value->text.len > 0 && value->text.len <= (size_t)max;
    for (size_t i = 0; i < value->text.len; i++)
        is_good = is_good && (unsigned char)value->text.at[i] >= ' ' && value->text.at[i] != 0x7f;
    if (!is_good)
        *check->error = arena_printf(check->arena, "%.*s must be 1 to %lld bytes of text without control characters",
                                     SLICE_ARG(path), (long long)max);
    return is_good;
}

static bool check_name(struct check *check, const struct value *value, struct slice path) {
    if (value->kind != VALUE_TEXT)
        return refuse(check, path, value, "the name of a scope");
    bool is_good = value->text.len > 0 && value->text.len <= 256;
    for (size_t i = 0; i < value->text.len; i++) {
        unsigned char c = (unsigned char)value->text.at[i];
        is_good = is_good && c > ' ' && c < 0x7f && c != '"' && c != '\\';
    }
    if (!is_good)
        *check->error = arena_printf(check->arena, "%.*s is no name of a scope (RFC 6749 §3.3)", SLICE_ARG(path));
    return is_good;
}

static bool check_choice(struct check *check, const struct shape *shape, const struct value *value, struct slice path) {
    struct slice rest = slice_of(shape->choices);
    while (value->kind == VALUE_TEXT && slice_is_set(rest))
        if (slice_equal(slice_cut(&rest, ' '), value->text))
            return true;
    struct slice words = value->kind == VALUE_TEXT ? value->text : slice_of(kind_words(value));
    *check->error = arena_printf(check->arena, "%.*s must be one of: %s; and is %.64s", SLICE_ARG(path), shape->choices,
                                 arena_string(check->arena, words));
    return false;
}

static bool check_list(struct check *check, const struct shape *shape, struct value *value, struct slice path) {
    if (value->kind != VALUE_LIST)
        return refuse(check, path, value, "a list");
    int64_t max = shape->max ? shape->max : ITEMS_DEFAULT, index = 1;
    if ((int64_t)value->count < shape->min || (int64_t)value->count > max) {
        *check->error = arena_printf(check->arena, "%.*s must hold %lld to %lld items, and holds %zu", SLICE_ARG(path),
                                     (long long)shape->min, (long long)max, value->count);
        return false;
    }
    /* The path is only made for what fails: a decision is checked often and fails never. */
    for (struct value *item = value->first; item; item = item->next, index++) {
        if (shape_check(shape->item, item, SLICE(""), check->arena, check->error))
            continue;
        *check->error =
            arena_printf(check->arena, "%.*s[%lld]%.*s", SLICE_ARG(path), (long long)index, SLICE_ARG(*check->error));
        return false;
    }
    return true;
}

static bool name_is_declared(const struct shape *shape, struct slice name) {
    for (const struct shape_field *field = shape->fields; field->name; field++)
        if (slice_is(name, field->name))
            return true;
    return false;
}

static struct value *child_of(struct value *map, const char *name) {
    for (struct value *child = map->first; child; child = child->next)
        if (slice_is(child->name, name))
            return child;
    return NULL;
}

static struct slice names_known(struct arena *arena, const struct shape *shape) {
    struct buffer known = buffer_in(arena);
    for (const struct shape_field *field = shape->fields; field->name; field++)
        buffer_printf(&known, "%s%s", known.len ? ", " : "", field->name);
    return buffer_slice(&known);
}

static bool check_map(struct check *check, const struct shape *shape, struct value *value, struct slice path) {
    if (value->kind == VALUE_LIST && value->count == 0)
        value->kind = VALUE_MAP;
    if (value->kind != VALUE_MAP)
        return refuse(check, path, value, "a table with names");
    const char *dot = path.len == 0 || path.at[path.len - 1] != '.' ? "." : "";
    for (const struct shape_field *field = shape->fields; field->name; field++) {
        if (shape_check(&field->shape, child_of(value, field->name), SLICE(""), check->arena, check->error))
            continue;
        *check->error =
            arena_printf(check->arena, "%.*s%s%s%.*s", SLICE_ARG(path), dot, field->name, SLICE_ARG(*check->error));
        return false;
    }
    for (struct value *child = value->first; child && !shape->open; child = child->next) {
        if (name_is_declared(shape, child->name))
            continue;
        *check->error = arena_printf(check->arena, "%.*s%s%.*s is not known here (known: %.*s)", SLICE_ARG(path), dot,
                                     SLICE_ARG(child->name), SLICE_ARG(names_known(check->arena, shape)));
        return false;
    }
    return true;
}

static bool check_texts(struct check *check, const struct shape *shape, struct value *value, struct slice path) {
    static const struct shape text = {.kind = SHAPE_TEXT};
    if (value->kind != VALUE_LIST)
        return check_text(check, &text, value, path);
    const struct shape list = {.kind = SHAPE_LIST, .item = &text, .min = shape->min, .max = shape->max};
    return check_list(check, &list, value, path);
}

bool shape_check(const struct shape *shape, struct value *value, struct slice path, struct arena *arena,
                 struct slice *error) {
    struct check check = {arena, error};
    if (!value || value->kind == VALUE_NULL)
        return shape->optional ? true : (*error = arena_printf(arena, "%.*s is missing", SLICE_ARG(path)), false);
    switch (shape->kind) {
    case SHAPE_ANY:
        return true;
    case SHAPE_BOOL:
        return value->kind == VALUE_BOOL || refuse(&check, path, value, "true or false");
    case SHAPE_INT:
        return check_int(&check, shape, value, path);
    case SHAPE_TEXT:
        return check_text(&check, shape, value, path);
    case SHAPE_NAME:
        return check_name(&check, value, path);
    case SHAPE_CHOICE:
        return check_choice(&check, shape, value, path);
    case SHAPE_LIST:
        return check_list(&check, shape, value, path);
    case SHAPE_MAP:
        return check_map(&check, shape, value, path);
    case SHAPE_TEXTS:
        return check_texts(&check, shape, value, path);
    }
    return false;
}
