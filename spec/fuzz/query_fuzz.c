/* Query strings, where a route lets a name repeat, and paths, by the same decoder. */
#include "params.h"

static void fuzz(struct arena *arena, struct slice input) {
    struct params params;
    struct slice why = SLICE_NONE;
    if (params_parse(arena, input, true, &params, &why))
        params_check(arena, &params, true);
    else
        FUZZ_CHECK(why.len > 0);

    struct slice segment = path_decode(arena, input);
    if (!slice_is_set(segment))
        return;
    FUZZ_CHECK(fuzz_is_clean(segment) && segment.len <= input.len);
    if (slice_find(input, '%') == input.len)
        FUZZ_CHECK(slice_equal(segment, input)); /* "+" is itself in a path */
}
