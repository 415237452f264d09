#include "crypto/ss58.h"

#include <assert.h>
#include <sodium.h>

enum { CHECKSUM_SIZE = 2, RAW_MAX = 2 + SS58_KEY_SIZE + CHECKSUM_SIZE, PREFIX_MAX = 16383 };

static const char base58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

static void checksum(const unsigned char *body, size_t len, unsigned char out[CHECKSUM_SIZE]) {
    static const unsigned char domain[] = {'S', 'S', '5', '8', 'P', 'R', 'E'};
    unsigned char full[64];
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof(full));
    crypto_generichash_update(&state, domain, sizeof(domain));
    crypto_generichash_update(&state, body, len);
    crypto_generichash_final(&state, full, sizeof(full));
    for (int i = 0; i < CHECKSUM_SIZE; i++)
        out[i] = full[i];
}

/* The number that the text writes, big-endian in exactly RAW_MAX bytes; *leading is how many zero
 * bytes ("1") the text begins with. False for a foreign character or a number that does not fit. */
static bool base58_number(struct slice text, unsigned char raw[RAW_MAX], size_t *leading) {
    for (size_t i = 0; i < RAW_MAX; i++)
        raw[i] = 0;
    *leading = 0;
    while (*leading < text.len && text.at[*leading] == '1')
        ++*leading;
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = text.at[i] ? strchr(base58, text.at[i]) : NULL;
        if (!digit)
            return false;
        unsigned carry = (unsigned)(digit - base58);
        for (size_t k = RAW_MAX; k--;) {
            carry += 58u * raw[k];
            raw[k] = (unsigned char)carry;
            carry >>= 8;
        }
        if (carry)
            return false;
    }
    return true;
}

/* Length of the prefix in its one right form, 0 when it has none. 46 and 47 are reserved. */
static size_t prefix_size(const unsigned char *body) {
    if (body[0] < 64)
        return body[0] == 46 || body[0] == 47 ? 0 : 1;
    if (body[0] >= 128)
        return 0;
    unsigned low = (body[0] & 0x3fu) << 2 | body[1] >> 6, high = body[1] & 0x3fu;
    return (low | high << 8) < 64 ? 0 : 2;
}

bool ss58_decode(struct slice text, unsigned char key[SS58_KEY_SIZE]) {
    unsigned char raw[RAW_MAX], sum[CHECKSUM_SIZE];
    size_t leading, zeros = 0;
    if (text.len == 0 || text.len > SS58_TEXT_MAX || !base58_number(text, raw, &leading))
        return false;
    while (zeros < RAW_MAX && raw[zeros] == 0)
        zeros++;
    size_t size = RAW_MAX - zeros + leading; /* each leading "1" is a zero byte of its own */
    if (size > RAW_MAX || size < 1 + SS58_KEY_SIZE + CHECKSUM_SIZE)
        return false;
    const unsigned char *body = raw + RAW_MAX - size;
    size_t prefix = prefix_size(body);
    if (prefix == 0 || size != prefix + SS58_KEY_SIZE + CHECKSUM_SIZE)
        return false;
    checksum(body, prefix + SS58_KEY_SIZE, sum);
    if (memcmp(sum, body + prefix + SS58_KEY_SIZE, CHECKSUM_SIZE) != 0)
        return false;
    memcpy(key, body + prefix, SS58_KEY_SIZE);
    return true;
}

void ss58_encode(unsigned prefix, const unsigned char key[SS58_KEY_SIZE], char out[SS58_TEXT_MAX + 1]) {
    unsigned char raw[RAW_MAX];
    size_t size = 0, len = 0;
    assert(prefix <= PREFIX_MAX);
    if (prefix < 64) {
        raw[size++] = (unsigned char)prefix;
    } else {
        raw[size++] = (unsigned char)(((prefix & 0xfcu) >> 2) | 0x40);
        raw[size++] = (unsigned char)(prefix >> 8 | (prefix & 3u) << 6);
    }
    memcpy(raw + size, key, SS58_KEY_SIZE);
    checksum(raw, size + SS58_KEY_SIZE, raw + size + SS58_KEY_SIZE);
    size += SS58_KEY_SIZE + CHECKSUM_SIZE;

    char digits[SS58_TEXT_MAX]; /* least first */
    for (size_t i = 0; i < size; i++) {
        unsigned carry = raw[i];
        for (size_t k = 0; k < len; k++) {
            carry += 256u * (unsigned)digits[k];
            digits[k] = (char)(carry % 58);
            carry /= 58;
        }
        for (; carry; carry /= 58)
            digits[len++] = (char)(carry % 58);
    }
    for (size_t i = 0; i < size && raw[i] == 0; i++)
        digits[len++] = 0;
    for (size_t i = 0; i < len; i++)
        out[i] = base58[(size_t)digits[len - 1 - i]];
    out[len] = '\0';
}
