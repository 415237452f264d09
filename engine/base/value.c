#include "base/value.h"

static struct value *value_new(struct arena *arena, enum value_kind kind) {
    struct value *value = arena_zalloc(arena, sizeof(*value));
    value->kind = kind;
    return value;
}

struct value *value_map(struct arena *arena) {
    return value_new(arena, VALUE_MAP);
}

struct value *value_list(struct arena *arena) {
    return value_new(arena, VALUE_LIST);
}

struct value *value_null(struct arena *arena) {
    return value_new(arena, VALUE_NULL);
}

struct value *value_bool(struct arena *arena, bool boolean) {
    struct value *value = value_new(arena, VALUE_BOOL);
    value->boolean = boolean;
    return value;
}

struct value *value_int(struct arena *arena, int64_t integer) {
    struct value *value = value_new(arena, VALUE_INT);
    value->integer = integer;
    return value;
}

struct value *value_real(struct arena *arena, double real) {
    struct value *value = value_new(arena, VALUE_REAL);
    value->real = real;
    return value;
}

struct value *value_text(struct arena *arena, struct slice text) {
    if (!slice_is_set(text))
        return value_null(arena);
    struct value *value = value_new(arena, VALUE_TEXT);
    value->text = text;
    return value;
}

void value_append(struct value *list, struct value *child) {
    if (list->last)
        list->last->next = child;
    else
        list->first = child;
    list->last = child;
    list->count++;
}

void value_set(struct value *map, struct slice name, struct value *child) {
    child->name = name;
    value_append(map, child);
}

void value_remove(struct value *map, const char *name) {
    struct value *before = NULL;
    for (struct value *child = map->first; child; before = child, child = child->next) {
        if (!slice_is(child->name, name))
            continue;
        *(before ? &before->next : &map->first) = child->next;
        if (map->last == child)
            map->last = before;
        map->count--;
        return;
    }
}

void value_set_text(struct arena *arena, struct value *map, const char *name, struct slice text) {
    value_set(map, slice_of(name), value_text(arena, text));
}

void value_set_int(struct arena *arena, struct value *map, const char *name, int64_t integer) {
    value_set(map, slice_of(name), value_int(arena, integer));
}

void value_set_bool(struct arena *arena, struct value *map, const char *name, bool boolean) {
    value_set(map, slice_of(name), value_bool(arena, boolean));
}

void value_set_value(struct value *map, const char *name, struct value *child) {
    value_set(map, slice_of(name), child);
}

void value_append_text(struct arena *arena, struct value *list, struct slice text) {
    value_append(list, value_text(arena, text));
}

const struct value *value_get_slice(const struct value *map, struct slice name) {
    if (!map || map->kind != VALUE_MAP)
        return NULL;
    for (const struct value *child = map->first; child; child = child->next)
        if (slice_equal(child->name, name))
            return child;
    return NULL;
}

const struct value *value_get(const struct value *map, const char *name) {
    return value_get_slice(map, slice_of(name));
}

struct slice value_get_text(const struct value *map, const char *name) {
    const struct value *child = value_get(map, name);
    return child && child->kind == VALUE_TEXT ? child->text : SLICE_NONE;
}

/* Recursion is as deep as the value: facts are built by hand, parsed JSON is JSON_DEPTH_MAX at most. */
struct value *value_copy(struct arena *arena, const struct value *value) {
    struct value *copy = value_new(arena, value->kind);
    *copy = *value;
    copy->next = NULL;
    copy->name = SLICE_NONE;
    if (value->kind != VALUE_LIST && value->kind != VALUE_MAP)
        return copy;
    copy->first = copy->last = NULL;
    copy->count = 0;
    for (const struct value *child = value->first; child; child = child->next)
        value_set(copy, child->name, value_copy(arena, child));
    return copy;
}
