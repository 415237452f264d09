/* Sealing: XChaCha20-Poly1305 under the key of a purpose, as unpadded base64url. What is sealed
 * needs no row in the store; nobody else can read, alter or make it; what is sealed for one purpose
 * opens for no other. Expiry and single use are the caller's matter. */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "crypto/keyring.h"

struct slice seal(struct arena *arena, const struct keyring *keyring, enum key_purpose purpose, struct slice plain);

/* Absent when the text is not one that seal() made for this purpose with this server's secret. */
struct slice unseal(struct arena *arena, const struct keyring *keyring, enum key_purpose purpose, struct slice text);

#endif
