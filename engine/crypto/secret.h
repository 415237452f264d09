/* Secrets of full entropy are kept as a keyed BLAKE2b hash and compared in constant time. */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include "base/slice.h"
#include "crypto/keyring.h"

enum { SECRET_HASH_SIZE = 32 };

void secret_hash(const struct keyring *keyring, struct slice secret, unsigned char hash[SECRET_HASH_SIZE]);

/* `stored` must be SECRET_HASH_SIZE bytes; any other length is never a match. */
bool secret_matches(const struct keyring *keyring, struct slice presented, struct slice stored);

/* For two texts that are both in hand (a CSRF token, a PKCE challenge): constant time in their
 * content, not in their lengths. */
bool secret_equal(struct slice a, struct slice b);

void secret_wipe(void *at, size_t len);

#endif
