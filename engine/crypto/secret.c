#include "crypto/secret.h"

#include <sodium.h>

void secret_hash(const struct keyring *keyring, struct slice secret, unsigned char hash[SECRET_HASH_SIZE]) {
    crypto_generichash(hash, SECRET_HASH_SIZE, (const unsigned char *)secret.at, secret.len,
                       keyring_key(keyring, KEY_HASH), KEY_SIZE);
}

bool secret_matches(const struct keyring *keyring, struct slice presented, struct slice stored) {
    unsigned char hash[SECRET_HASH_SIZE];
    if (stored.len != SECRET_HASH_SIZE)
        return false;
    secret_hash(keyring, presented, hash);
    return sodium_memcmp(hash, stored.at, SECRET_HASH_SIZE) == 0;
}

bool secret_equal(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.at, b.at, a.len) == 0);
}

void secret_wipe(void *at, size_t len) {
    sodium_memzero(at, len);
}
