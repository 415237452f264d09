/* SS58 addresses: what decodes has one spelling for its prefix. */
#include "fuzz.h"

#include "crypto/ss58.h"

static bool is_spelling_of(const unsigned char key[SS58_KEY_SIZE], struct slice input) {
    char text[SS58_TEXT_MAX + 1];
    for (unsigned prefix = 0; prefix < 16384; prefix++) {
        if (prefix == 46 || prefix == 47)
            continue;
        ss58_encode(prefix, key, text);
        if (slice_is(input, text))
            return true;
    }
    return false;
}

static void fuzz(struct arena *arena, struct slice input) {
    unsigned char key[SS58_KEY_SIZE], again[SS58_KEY_SIZE];
    char text[SS58_TEXT_MAX + 1];
    (void)arena;
    if (ss58_decode(input, key)) {
        FUZZ_CHECK(input.len <= SS58_TEXT_MAX);
        FUZZ_CHECK(is_spelling_of(key, input));
    }
    if (input.len < SS58_KEY_SIZE + 2)
        return;
    /* The input as a key and a prefix: there and back. */
    unsigned prefix = ((unsigned)(unsigned char)input.at[32] << 8 | (unsigned char)input.at[33]) % 16384;
    if (prefix == 46 || prefix == 47)
        return;
    ss58_encode(prefix, (const unsigned char *)input.at, text);
    FUZZ_CHECK(ss58_decode(slice_of(text), again) && memcmp(again, input.at, SS58_KEY_SIZE) == 0);
}
