#include "crypto/code.h"

#include "crypto/seal.h"

#include <ctype.h>
#include <stdlib.h>

struct slice code_seal(struct arena *arena, const struct keyring *keyring, enum key_purpose purpose,
                       const struct code *code) {
    return seal(arena, keyring, purpose,
                arena_printf(arena, "%.*s %.*s %lld", SLICE_ARG(code->id), SLICE_ARG(code->app_id),
                             (long long)code->expires_at_s));
}

bool code_open(struct arena *arena, const struct keyring *keyring, enum key_purpose purpose, struct slice text,
               struct code *code) {
    struct slice rest = unseal(arena, keyring, purpose, text);
    if (!slice_is_set(rest))
        return false;
    code->id = slice_cut(&rest, ' ');
    code->app_id = slice_cut(&rest, ' ');
    struct slice expires_at = slice_cut(&rest, ' ');
    if (code->id.len == 0 || code->app_id.len == 0 || expires_at.len == 0 || !isdigit((unsigned char)expires_at.at[0]))
        return false;
    char *end;
    code->expires_at_s = strtoll(arena_string(arena, expires_at), &end, 10);
    return *end == '\0';
}
