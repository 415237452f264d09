/* Hexadecimal and base64url of untrusted text. */
#ifndef CRYPTO_HEX_H
#define CRYPTO_HEX_H

#include "base/arena.h"

/* Exactly `size` bytes from 2*size hex digits of either case, with an optional 0x. */
bool hex_decode(struct slice text, unsigned char *out, size_t size);
struct slice hex_encode(struct arena *arena, struct slice bytes);

/* Unpadded (RFC 7515 §2). Decoding refuses padding, foreign characters and non-zero spare bits;
 * absent when refused. */
struct slice base64url_encode(struct arena *arena, struct slice bytes);
struct slice base64url_decode(struct arena *arena, struct slice text);
/* SHA-256 of the text, in base64url: how PKCE, JWK thumbprints and DPoP write it. */
struct slice sha256_base64url(struct arena *arena, struct slice text);
/* Padded standard base64 (RFC 4648 §4), as HTTP Basic uses it; absent when refused. */
struct slice base64_decode(struct arena *arena, struct slice text);

#endif
