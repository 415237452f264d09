/* application/x-www-form-urlencoded bodies: as a POST to the token endpoint parses them. */
#include "params.h"

static void fuzz(struct arena *arena, struct slice input) {
    struct params params;
    struct slice why = SLICE_NONE;
    if (!params_parse(arena, input, false, &params, &why)) {
        FUZZ_CHECK(why.len > 0);
        return;
    }
    params_check(arena, &params, false);
    for (size_t i = 0; i < params.count; i++)
        for (size_t j = 0; j < i; j++)
            FUZZ_CHECK(!slice_equal(params.list[i].name, params.list[j].name) || param_may_repeat(params.list[i].name));
}
