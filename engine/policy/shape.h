/* Shapes: what a piece of data or a decision must look like. The shapes of the policies themselves
 * are declared in declared.c. */
#ifndef POLICY_SHAPE_H
#define POLICY_SHAPE_H

#include "base/value.h"

enum shape_kind {
    SHAPE_ANY,    /* whatever a value can hold */
    SHAPE_BOOL,   /* */
    SHAPE_INT,    /* min..max */
    SHAPE_TEXT,   /* at most max bytes (default 4096), not empty, no control characters */
    SHAPE_NAME,   /* a scope token (RFC 6749 §3.3) */
    SHAPE_CHOICE, /* one of the words in `choices`, which are separated by spaces */
    SHAPE_LIST,   /* of `item`, min..max of them */
    SHAPE_MAP,    /* of `fields` and, when `open`, others */
    SHAPE_TEXTS,  /* a text, or a list of texts */
};

struct shape {
    enum shape_kind kind;
    bool optional; /* nil will do */
    bool open;
    int64_t min, max;
    const char *choices;
    const struct shape *item;
    const struct shape_field *fields; /* the last one has no name */
};

struct shape_field {
    const char *name;
    struct shape shape;
};

/* NULL value counts as nil. An empty table becomes the map or list that is wanted. On failure *error
 * is like "groups[2].title must be a text, and is a number"; `path` is how the whole is called. */
bool shape_check(const struct shape *shape, struct value *value, struct slice path, struct arena *arena,
                 struct slice *error);

#endif
