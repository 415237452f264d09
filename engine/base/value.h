/* A value: the one dynamic shape of the house. Parsed JSON bodies, the facts that a policy is
 * given, the decision it returns and the context of a template are all values.
 * A value lives in an arena and is never freed alone. Maps keep their order; names are unique. */
#ifndef BASE_VALUE_H
#define BASE_VALUE_H

#include "base/arena.h"

enum value_kind { VALUE_NULL, VALUE_BOOL, VALUE_INT, VALUE_REAL, VALUE_TEXT, VALUE_LIST, VALUE_MAP };

struct value {
    enum value_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct slice text;
        struct {
            struct value *first, *last;
            size_t count;
        };
    };
    struct slice name;  /* where it stands in a map */
    struct value *next; /* in its list or map */
};

struct value *value_map(struct arena *arena);
struct value *value_list(struct arena *arena);
struct value *value_null(struct arena *arena);
struct value *value_bool(struct arena *arena, bool boolean);
struct value *value_int(struct arena *arena, int64_t integer);
struct value *value_real(struct arena *arena, double real);
/* The bytes are not copied. An absent slice makes a null. */
struct value *value_text(struct arena *arena, struct slice text);

/* The child must not stand anywhere else. The name is not copied. Replaces nothing: the caller
 * sets each name once. */
void value_set(struct value *map, struct slice name, struct value *child);
void value_append(struct value *list, struct value *child);
/* The child of that name leaves the map; nothing when there is none. */
void value_remove(struct value *map, const char *name);

/* Shorthand for the common case of a literal name. */
void value_set_text(struct arena *arena, struct value *map, const char *name, struct slice text);
void value_set_int(struct arena *arena, struct value *map, const char *name, int64_t integer);
void value_set_bool(struct arena *arena, struct value *map, const char *name, bool boolean);
void value_set_value(struct value *map, const char *name, struct value *child);
void value_append_text(struct arena *arena, struct value *list, struct slice text);

/* A value stands in one place only; this makes another of it, all the way down. Texts are shared. */
struct value *value_copy(struct arena *arena, const struct value *value);

/* NULL when `map` is NULL, no map, or has no such name. */
const struct value *value_get(const struct value *map, const char *name);
const struct value *value_get_slice(const struct value *map, struct slice name);
/* The text under that name; absent when it is missing or no text. */
struct slice value_get_text(const struct value *map, const char *name);

#endif
