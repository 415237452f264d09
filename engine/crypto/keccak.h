/* The permutation of SHA-3 (FIPS 202 §3): libsodium 1.0.18 and OpenSSL do not offer it alone. */
#ifndef CRYPTO_KECCAK_H
#define CRYPTO_KECCAK_H

#include <stdint.h>

/* Words are little-endian in memory: the byte view of `state` is right on little-endian machines only
 * (the build checks). */
void keccak_f1600(uint64_t state[25]);

#endif
