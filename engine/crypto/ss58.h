/* SS58: the text form of a Substrate account: base58(prefix ‖ 32-byte public key ‖ 2 bytes of
 * BLAKE2b-512("SS58PRE" ‖ prefix ‖ key)). */
#ifndef CRYPTO_SS58_H
#define CRYPTO_SS58_H

#include "base/slice.h"

enum { SS58_KEY_SIZE = 32, SS58_TEXT_MAX = 52, SS58_PREFIX_GENERIC = 42 };

/* 1- and 2-byte prefixes (0..63, and 64..16383 in its minimal form). Refused: bad alphabet, bad
 * checksum, any other length (short account indices too), a prefix that is not minimal, reserved
 * prefixes 46 and 47. */
bool ss58_decode(struct slice text, unsigned char key[SS58_KEY_SIZE]);

/* Writes the text with a NUL. */
void ss58_encode(unsigned prefix, const unsigned char key[SS58_KEY_SIZE], char out[SS58_TEXT_MAX + 1]);

#endif
