#include "crypto/hex.h"

#include <sodium.h>

static int digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_decode(struct slice text, unsigned char *out, size_t size) {
    if (slice_starts(text, "0x"))
        text = slice_from(text, 2);
    if (text.len != 2 * size)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = digit(text.at[2 * i]), low = digit(text.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

struct slice hex_encode(struct arena *arena, struct slice bytes) {
    char *text = arena_alloc(arena, 2 * bytes.len + 1);
    sodium_bin2hex(text, 2 * bytes.len + 1, (const unsigned char *)bytes.at, bytes.len);
    return (struct slice){text, 2 * bytes.len};
}

struct slice base64url_encode(struct arena *arena, struct slice bytes) {
    const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    size_t size = sodium_base64_encoded_len(bytes.len, variant);
    char *text = arena_alloc(arena, size);
    sodium_bin2base64(text, size, (const unsigned char *)bytes.at, bytes.len, variant);
    return (struct slice){text, size - 1};
}

struct slice sha256_base64url(struct arena *arena, struct slice text) {
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, (const unsigned char *)text.at, text.len);
    return base64url_encode(arena, (struct slice){(const char *)digest, sizeof(digest)});
}

static bool is_ascii(struct slice text) {
    unsigned char seen = 0;
    for (size_t i = 0; i < text.len; i++)
        seen |= (unsigned char)text.at[i];
    return seen < 0x80;
}

/* libsodium refuses wrong padding, non-zero spare bits and foreign ASCII; 1.0.18 reads some bytes beyond
 * ASCII as digits. */
static struct slice decode(struct arena *arena, struct slice text, int variant) {
    if (!slice_is_set(text) || !is_ascii(text))
        return SLICE_NONE;
    unsigned char *bytes = arena_alloc(arena, text.len + 1);
    size_t len;
    const char *end;
    if (sodium_base642bin(bytes, text.len + 1, text.at, text.len, NULL, &len, &end, variant) != 0 ||
        end != text.at + text.len)
        return SLICE_NONE;
    return (struct slice){(const char *)bytes, len};
}

struct slice base64url_decode(struct arena *arena, struct slice text) {
    return decode(arena, text, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

struct slice base64_decode(struct arena *arena, struct slice text) {
    return decode(arena, text, sodium_base64_VARIANT_ORIGINAL);
}
