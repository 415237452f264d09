/* Public keys of authenticators (COSE, RFC 9052 §7 and RFC 9053 §7; RSA: RFC 8230), as SubjectPublicKeyInfo: what
 * OpenSSL reads, and what browsers give out by getPublicKey(). */
#ifndef CRYPTO_COSE_H
#define CRYPTO_COSE_H

#include "base/arena.h"

/* Takes a key from the front of *rest. False when that is no map of COSE. *public_key is DER, the same for the same
 * key; absent when the key is of another kind than ES256 (P-256), ES384 (P-384), EdDSA (Ed25519) and RS256, or its
 * numbers have another form than the RFCs give them. What the numbers are worth is for others to say (webauthn.h). */
bool cose_key_read(struct arena *arena, struct slice *rest, struct slice *public_key);

#endif
