/* What the sources of jose.h and webauthn.h share. Nobody else includes this. */
#ifndef CRYPTO_JOSE_KEY_H
#define CRYPTO_JOSE_KEY_H

#include "crypto/jose.h"

#include <openssl/evp.h>

/* "kty", with the one curve that we know of each. */
enum jose_kind { JOSE_RSA, JOSE_EC, JOSE_OKP, JOSE_KINDS };

enum { P256_SIZE = 32, ED25519_SIZE = 32, ES256_SIZE = 2 * P256_SIZE, EDDSA_SIZE = 64 };

struct jose_key {
    EVP_PKEY *pkey;
    enum jose_kind kind;
    bool is_private;
    size_t signature_size;          /* in a JWS; of RSA the modulus' */
    EVP_MD_CTX *signers[JOSE_ALGS]; /* of a private key, for each alg that fits: ready, only ever copied */
};

enum jose_kind jose_kind_of(enum jose_alg alg);

/* OpenSSL needs more stack than a fiber has, and its errors wait in a queue of the thread, where TLS would take
 * them for its own (SSL_get_error(3)): they are dropped. */
void jose_hop(void (*call)(void *), void *argument);

/* Takes the pkey over, whatever comes of it. NULL when it is not of that kind, curve and size, or is NULL. Runs
 * inside a hop. */
struct jose_key *jose_key_new(enum jose_kind kind, EVP_PKEY *pkey, bool is_private);

/* Ready to sign or to verify with that alg. Runs inside a hop. */
bool jose_context_init(EVP_MD_CTX *context, enum jose_alg alg, EVP_PKEY *pkey, bool is_signing);

#endif
