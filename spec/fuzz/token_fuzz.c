/* Tokens of every kind, and what is sealed: codes. */
#include "fuzz.h"

#include "../crypto/vectors.h"
#include "crypto/code.h"
#include "crypto/token.h"

static const char *const prefixes[] = {
    [TOKEN_ACCESS] = "cak_", [TOKEN_REFRESH] = "crt_", [TOKEN_API_KEY] = "cpk_", [TOKEN_SESSION] = "cst_"};

static struct keyring *keyring(void) {
    static struct keyring *one;
    if (!one)
        one = keyring_of(7);
    return one;
}

/* A real token, with up to four bytes in a row replaced by the input's: its check sees that (a burst of 32 bits). */
static void burst_check(struct slice input) {
    enum { BURST = 4 };
    struct token token;
    struct token_claim claim;
    if (input.len < BURST + 2)
        return;
    token_mint(keyring(), (enum token_kind)(input.at[0] & 3), &token);
    FUZZ_CHECK(token_parse(slice_of(token.text), &claim) && slice_is(claim.id, token.id));
    char changed[TOKEN_LEN + 1];
    memcpy(changed, token.text, sizeof(changed));
    memcpy(changed + (unsigned char)input.at[1] % (TOKEN_LEN - BURST), input.at + 2, BURST);
    FUZZ_CHECK(memcmp(changed, token.text, TOKEN_LEN) == 0 || !token_parse((struct slice){changed, TOKEN_LEN}, &claim));
}

static void fuzz(struct arena *arena, struct slice input) {
    struct token_claim claim;
    struct code code;
    /* Nobody can make a code without the secret. */
    FUZZ_CHECK(!code_open(arena, keyring(), KEY_CODE, input, &code));
    burst_check(input);
    if (!token_parse(input, &claim))
        return;
    FUZZ_CHECK(input.len == TOKEN_LEN && slice_starts(input, prefixes[claim.kind]));
    FUZZ_CHECK(claim.id.len == KEY_ID_LEN && claim.secret.len == TOKEN_SECRET_LEN);
    FUZZ_CHECK(fuzz_is_inside(claim.id, input) && fuzz_is_inside(claim.secret, input));
    /* One other character anywhere, and its check is wrong. */
    char *other = arena_alloc(arena, input.len);
    memcpy(other, input.at, input.len);
    size_t at = (unsigned char)input.at[TOKEN_LEN - 1] % input.len;
    other[at] = other[at] == 'a' ? 'b' : 'a';
    FUZZ_CHECK(!token_parse((struct slice){other, input.len}, &claim));
}
