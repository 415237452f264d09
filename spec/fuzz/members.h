/* A good JSON object with members of an input instead: so a fuzzer gets behind what is signed or sealed. */
#ifndef SPEC_FUZZ_MEMBERS_H
#define SPEC_FUZZ_MEMBERS_H

#include "fuzz.h"

#include "base/json.h"

/* What `good` has and `input`, a JSON object, does not name, and what that has; a member "-name" takes one away. Absent
 * where the input is no such object. */
static inline struct slice members_replace(struct arena *arena, const struct value *good, struct slice input) {
    const struct value *more = json_parse(arena, input, NULL);
    if (!more || more->kind != VALUE_MAP)
        return SLICE_NONE;
    struct value *both = value_map(arena);
    for (const struct value *member = good->first; member; member = member->next)
        if (!value_get_slice(more, member->name) &&
            !value_get_slice(more, arena_printf(arena, "-%.*s", SLICE_ARG(member->name))))
            value_set(both, member->name, value_copy(arena, member));
    for (const struct value *member = more->first; member; member = member->next)
        value_set(both, member->name, value_copy(arena, member));
    struct buffer text = buffer_in(arena);
    json_write(&text, both);
    return buffer_slice(&text);
}

#endif
