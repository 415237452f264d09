#include "crypto/nonce.h"

#include "crypto/hex.h"

#include <sodium.h>

/* The 16 bytes of the UUID: the low 28 bits of the first four are the expiry in seconds modulo 2^28
 * (8 years), hidden by a keyed pad so that the text looks random; the last six are the MAC of all
 * before and of the whole expiry; the rest, less version and variant, is random. */
enum { MAC_AT = 10, MAC_SIZE = UUID_SIZE - MAC_AT, PAD_FROM = 4, EXPIRY_SIZE = 8, EXPIRY_BITS = 28 };

static const uint32_t expiry_mask = (1u << EXPIRY_BITS) - 1;

static uint32_t head_of(const unsigned char bytes[4]) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The whole expiry is under the MAC: what expired 2^28 seconds ago does not become valid again. */
static void mac_of(const unsigned char key[KEY_SIZE], const unsigned char bytes[UUID_SIZE], int64_t expires_at_s,
                   unsigned char mac[MAC_SIZE]) {
    unsigned char input[MAC_AT + EXPIRY_SIZE], full[crypto_generichash_BYTES_MIN];
    memcpy(input, bytes, MAC_AT);
    for (int i = 0; i < EXPIRY_SIZE; i++)
        input[MAC_AT + i] = (unsigned char)(expires_at_s >> (8 * i));
    crypto_generichash(full, sizeof(full), input, sizeof(input), key, KEY_SIZE);
    memcpy(mac, full, MAC_SIZE);
}

/* Hides the expiry: a keyed function of the random bytes. Its input is shorter than the MAC's, so the
 * two never meet. */
static uint32_t pad_of(const unsigned char key[KEY_SIZE], const unsigned char bytes[UUID_SIZE]) {
    unsigned char full[crypto_generichash_BYTES_MIN];
    crypto_generichash(full, sizeof(full), bytes + PAD_FROM, MAC_AT - PAD_FROM, key, KEY_SIZE);
    return head_of(full) & expiry_mask;
}

void nonce_mint(const struct keyring *keyring, enum key_purpose purpose, int64_t expires_at_s, char out[UUID_LEN + 1]) {
    const unsigned char *key = keyring_key(keyring, purpose);
    unsigned char bytes[UUID_SIZE];
    randombytes_buf(bytes, sizeof(bytes));
    uuid_stamp(bytes, 4);
    uint32_t head = (head_of(bytes) & ~expiry_mask) | (((uint32_t)expires_at_s & expiry_mask) ^ pad_of(key, bytes));
    for (int i = 0; i < PAD_FROM; i++)
        bytes[i] = (unsigned char)(head >> (24 - 8 * i));
    mac_of(key, bytes, expires_at_s, bytes + MAC_AT);
    uuid_write(bytes, out);
}

/* Writing what was read, and finding the same text, leaves one spelling. */
static bool bytes_from(struct slice text, unsigned char bytes[UUID_SIZE]) {
    char hex[2 * UUID_SIZE], again[UUID_LEN + 1];
    size_t len = 0;
    if (text.len != UUID_LEN)
        return false;
    for (size_t i = 0; i < UUID_LEN; i++)
        if (i != 8 && i != 13 && i != 18 && i != 23)
            hex[len++] = text.at[i];
    if (!hex_decode((struct slice){hex, len}, bytes, UUID_SIZE))
        return false;
    uuid_stamp(bytes, 4);
    uuid_write(bytes, again);
    return slice_is(text, again);
}

bool nonce_is_valid(const struct keyring *keyring, enum key_purpose purpose, struct slice text, int64_t now_s,
                    int64_t *expires_at_s) {
    const unsigned char *key = keyring_key(keyring, purpose);
    unsigned char bytes[UUID_SIZE], mac[MAC_SIZE];
    if (!bytes_from(text, bytes))
        return false;
    uint32_t expiry = (head_of(bytes) ^ pad_of(key, bytes)) & expiry_mask;
    /* The first such second from now on; for a nonce that has expired it is not the one under the MAC. */
    *expires_at_s = now_s + ((expiry - (uint32_t)now_s) & expiry_mask);
    mac_of(key, bytes, *expires_at_s, mac);
    return sodium_memcmp(mac, bytes + MAC_AT, MAC_SIZE) == 0 && *expires_at_s > now_s;
}
