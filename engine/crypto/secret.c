#include "crypto/secret.h"

#include <sodium.h>

/* BLAKE2b of the key and the secret as one message. For keys of one length that is as good a MAC as its keyed mode (a
 * BLAKE2 hash cannot be extended), and a token's is one block of work in place of two. */
void secret_hash(const struct keyring *keyring, struct slice secret, unsigned char hash[SECRET_HASH_SIZE]) {
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, SECRET_HASH_SIZE);
    crypto_generichash_update(&state, keyring_key(keyring, KEY_HASH), KEY_SIZE);
    crypto_generichash_update(&state, (const unsigned char *)secret.at, secret.len);
    crypto_generichash_final(&state, hash, SECRET_HASH_SIZE);
}

bool secret_matches(const struct keyring *keyring, struct slice presented, struct slice stored) {
    unsigned char hash[SECRET_HASH_SIZE];
    if (stored.len != SECRET_HASH_SIZE)
        return false;
    secret_hash(keyring, presented, hash);
    return crypto_verify_32(hash, (const unsigned char *)stored.at) == 0;
}

bool secret_equal(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.at, b.at, a.len) == 0);
}

void secret_wipe(void *at, size_t len) {
    sodium_memzero(at, len);
}
