#include "crypto/nonce.h"

#include "crypto/hex.h"

#include <sodium.h>

/* The 16 bytes of the UUID: the low 28 bits of the first four are the expiry in seconds modulo 2^28
 * (8 years), hidden by a keyed pad so that the text looks random; the last six are the MAC of all
 * before; the rest, less version and variant, is random. */
enum { BYTES = 16, MAC_AT = 10, MAC_SIZE = BYTES - MAC_AT, EXPIRY_BITS = 28 };

static const uint32_t expiry_mask = (1u << EXPIRY_BITS) - 1;

static void mac_of(const struct keyring *keyring, const unsigned char bytes[BYTES], unsigned char mac[MAC_SIZE]) {
    unsigned char full[crypto_generichash_BYTES_MIN];
    crypto_generichash(full, sizeof(full), bytes, MAC_AT, keyring_key(keyring, KEY_NONCE), KEY_SIZE);
    for (int i = 0; i < MAC_SIZE; i++)
        mac[i] = full[i];
}

/* Hides the expiry: a keyed function of the random bytes 4 to 9. */
static uint32_t pad_of(const struct keyring *keyring, const unsigned char bytes[BYTES]) {
    unsigned char full[crypto_generichash_BYTES_MIN];
    crypto_generichash(full, sizeof(full), bytes + 4, MAC_AT - 4, keyring_key(keyring, KEY_NONCE), KEY_SIZE);
    return ((uint32_t)full[0] << 24 | (uint32_t)full[1] << 16 | (uint32_t)full[2] << 8 | full[3]) & expiry_mask;
}

static uint32_t head_of(const unsigned char bytes[BYTES]) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

void nonce_mint(const struct keyring *keyring, int64_t expires_at_s, char out[UUID_LEN + 1]) {
    unsigned char bytes[BYTES];
    randombytes_buf(bytes, MAC_AT);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40); /* RFC 9562 §5.4: version 4 */
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80); /* RFC 9562 §4.1: variant */
    uint32_t head = (head_of(bytes) & ~expiry_mask) | (((uint32_t)expires_at_s & expiry_mask) ^ pad_of(keyring, bytes));
    for (int i = 0; i < 4; i++)
        bytes[i] = (unsigned char)(head >> (24 - 8 * i));
    mac_of(keyring, bytes, bytes + MAC_AT);
    char hex[2 * BYTES + 1];
    sodium_bin2hex(hex, sizeof(hex), bytes, BYTES);
    for (int from = 0, to = 0; from < 2 * BYTES; from++) {
        if (from == 8 || from == 12 || from == 16 || from == 20)
            out[to++] = '-';
        out[to++] = hex[from];
    }
    out[UUID_LEN] = '\0';
}

static bool bytes_from(struct slice text, unsigned char bytes[BYTES]) {
    char hex[2 * BYTES];
    size_t len = 0;
    if (text.len != UUID_LEN)
        return false;
    for (size_t i = 0; i < UUID_LEN; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = text.at[i];
        if (is_dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        if (!is_dash)
            hex[len++] = c;
    }
    return hex_decode((struct slice){hex, len}, bytes, BYTES) && (bytes[6] & 0xf0) == 0x40 && (bytes[8] & 0xc0) == 0x80;
}

bool nonce_is_valid(const struct keyring *keyring, struct slice text, int64_t now_s, int64_t *expires_at_s) {
    unsigned char bytes[BYTES], mac[MAC_SIZE];
    if (!bytes_from(text, bytes))
        return false;
    mac_of(keyring, bytes, mac);
    if (sodium_memcmp(mac, bytes + MAC_AT, MAC_SIZE) != 0)
        return false;
    uint32_t expiry = (head_of(bytes) & expiry_mask) ^ pad_of(keyring, bytes);
    /* How far ahead, modulo 2^28: what has passed looks years ahead, and is refused. */
    uint32_t ahead = (expiry - (uint32_t)now_s) & expiry_mask;
    *expires_at_s = now_s + ahead;
    return ahead > 0 && ahead <= 86400;
}
