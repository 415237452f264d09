/* Hexadecimal, base64url and base64: decoding has one result, encoding gives the text back. */
#include "fuzz.h"

#include "crypto/hex.h"

#include <ctype.h>

static void hex_check(struct arena *arena, struct slice input) {
    enum { SIZE_MAX_HERE = 64 };
    unsigned char bytes[SIZE_MAX_HERE];
    bool has_prefix = slice_starts(input, "0x");
    struct slice digits = slice_from(input, has_prefix ? 2 : 0);
    for (size_t size = 0; size <= SIZE_MAX_HERE; size++) {
        if (!hex_decode(input, bytes, size))
            continue;
        struct slice text = hex_encode(arena, (struct slice){(const char *)bytes, size});
        FUZZ_CHECK(digits.len == 2 * size && text.len == digits.len);
        for (size_t i = 0; i < text.len; i++)
            FUZZ_CHECK(text.at[i] == tolower((unsigned char)digits.at[i]));
    }
}

static void fuzz(struct arena *arena, struct slice input) {
    hex_check(arena, input);
    struct slice bytes = base64url_decode(arena, input);
    if (slice_is_set(bytes))
        FUZZ_CHECK(slice_equal(base64url_encode(arena, bytes), input));
    FUZZ_CHECK(slice_equal(base64url_decode(arena, base64url_encode(arena, input)), input));
    bytes = base64_decode(arena, input);
    if (slice_is_set(bytes))
        FUZZ_CHECK(input.len % 4 == 0 && bytes.len <= input.len / 4 * 3);
}
