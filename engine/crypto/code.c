#include "crypto/code.h"

#include "crypto/seal.h"

#include <stdlib.h>

struct slice code_seal(struct arena *arena, const struct keyring *keyring, const struct code *code) {
    return seal(arena, keyring, KEY_CODE,
                arena_printf(arena, "%.*s %.*s %lld", SLICE_ARG(code->grant_id), SLICE_ARG(code->app_id),
                             (long long)code->expires_at_s));
}

bool code_open(struct arena *arena, const struct keyring *keyring, struct slice text, struct code *code) {
    struct slice rest = unseal(arena, keyring, KEY_CODE, text);
    if (!slice_is_set(rest))
        return false;
    code->grant_id = slice_cut(&rest, ' ');
    code->app_id = slice_cut(&rest, ' ');
    code->expires_at_s = strtoll(arena_string(arena, rest), NULL, 10);
    return true;
}
