/* The Authorization header: Bearer and Basic. */
#include "fuzz.h"

#include "checks/authorization_header.h"

#include <ctype.h>

static void fuzz(struct arena *arena, struct slice input) {
    struct slice token = bearer_token(input), id, secret;
    if (slice_is_set(token)) {
        FUZZ_CHECK(token.len > 0 && fuzz_is_inside(token, input));
        for (size_t i = 0; i < token.len; i++)
            FUZZ_CHECK(isalnum((unsigned char)token.at[i]) || strchr("-._~+/=", token.at[i]));
        FUZZ_CHECK(!basic_is_tried(input));
    }
    if (!basic_credentials(arena, input, &id, &secret))
        return;
    FUZZ_CHECK(basic_is_tried(input) && !slice_is_set(token));
    FUZZ_CHECK(fuzz_is_clean(id) && fuzz_is_clean(secret));
}
