/* Nonces look like a UUIDv4 and are not stored: of the 122 free bits, 28 say when it expires, 46 are random and 48 are
 * a MAC under the key of a purpose (KEY_NONCE: to sign in with, KEY_DPOP). Their single use is recorded by the caller.
 */
#ifndef CRYPTO_NONCE_H
#define CRYPTO_NONCE_H

#include "crypto/keyring.h"
#include "crypto/random.h"

void nonce_mint(const struct keyring *keyring, enum key_purpose purpose, int64_t expires_at_s, char out[UUID_LEN + 1]);

/* False for anything that this server's secret did not make, and once now_s has reached its expiry.
 * Accepts lower-case text only, so that one nonce has one spelling. */
bool nonce_is_valid(const struct keyring *keyring, enum key_purpose purpose, struct slice text, int64_t now_s,
                    int64_t *expires_at_s);

#endif
