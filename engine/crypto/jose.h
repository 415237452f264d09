/* JOSE: keys (JWK, RFC 7517), compact signatures (JWS, RFC 7515) and thumbprints (RFC 7638) in the four
 * algorithms that the house signs and accepts. Everything here may be called on a fiber: OpenSSL runs on
 * the loop's stack, and leaves no error behind for whoever uses it next. */
#ifndef CRYPTO_JOSE_H
#define CRYPTO_JOSE_H

#include "base/value.h"

/* RFC 7518 §3.1, RFC 8037 §3.1; EdDSA is Ed25519 only. */
enum jose_alg { JOSE_RS256, JOSE_PS256, JOSE_ES256, JOSE_EDDSA, JOSE_ALGS };

/* As it is written in a header's "alg". */
const char *jose_alg_name(enum jose_alg alg);
/* False for every other name: "none" and HS256 are no names here. Case counts (RFC 7515 §4.1.1). Ed25519 is EdDSA, too
 * (RFC 9864 §2.2). */
bool jose_alg_from(struct slice name, enum jose_alg *alg);

/* A public key, or a private key with its public half. Immutable: several threads may use one at once. */
struct jose_key;

enum { JOSE_RSA_BITS = 2048, JOSE_RSA_BITS_MAX = 8192 }; /* RFC 7518 §3.3: 2048 or more */

/* NULL: failed. RSA takes hundreds of milliseconds: not on a loop. */
struct jose_key *jose_key_generate(enum jose_alg alg);
/* PKCS#8 (RFC 5958) without a password. NULL when it is anything else, has bytes behind it, or is no key
 * of that algorithm. */
struct jose_key *jose_key_from_der(enum jose_alg alg, struct slice der);
/* The same key as jose_key_from_der reads; the caller wipes it (secret_wipe). Absent for a public key. */
struct slice jose_key_der(struct arena *arena, const struct jose_key *key);
/* NULL is allowed. */
void jose_key_free(struct jose_key *key);

/* The public half as a JWK: kty and n, e (RFC 7518 §6.3.1), crv, x, y (§6.2.1) or crv, x (RFC 8037 §2); the
 * caller adds kid, alg and use. */
struct value *jose_key_public(struct arena *arena, const struct jose_key *key);

/* A public JWK, to verify with: RSA (2048 to 8192 bits, e odd, at least 3, below 2^64), EC on P-256 or OKP
 * on Ed25519, each number in its one spelling (RFC 7518 §6.2.1.2, §6.3.1.1: no octet more or less). NULL for
 * anything else: symmetric and private keys, other curves, points that are not on the curve, Ed25519 points
 * of small order. "alg", "use", "key_ops" and "kid" are the caller's matter. */
struct jose_key *jose_key_from_jwk(const struct value *jwk);

/* Whether it has any member of a private or symmetric key: d, p, q, dp, dq, qi, oth or k. */
bool jose_jwk_is_private(const struct value *jwk);

/* SHA-256 in base64url (RFC 7638 §3, RFC 8037 §2). Absent when it is not one of the three kinds, spelled as
 * jose_key_from_jwk asks; of private keys too. Proves nothing of the key. */
struct slice jose_thumbprint(struct arena *arena, const struct value *jwk);

/* Whether the key is of the algorithm's kind. An RSA key fits both RS256 and PS256. */
bool jose_key_fits(const struct jose_key *key, enum jose_alg alg);

/* Compact JWS (RFC 7515 §7.1) of two JSON texts; `header` must name `alg`. Absent when the key is public or
 * does not fit, or OpenSSL fails. */
struct slice jws_sign(struct arena *arena, const struct jose_key *key, enum jose_alg alg, struct slice header,
                      struct slice payload);

enum { JWS_LEN_MAX = 16384 };

struct jws {
    enum jose_alg alg;
    struct slice kid, typ; /* absent when not sent */
    const struct value *header, *payload;
    struct slice signing_input, signature; /* the first points into the text that was parsed */
};

/* Exactly three base64url parts without padding, none empty, JWS_LEN_MAX at most; header and payload JSON
 * objects; alg one of ours; kid and typ texts, if sent. Refused: "crit", of which no extension is understood
 * (RFC 7515 §4.1.11), and "b64" (RFC 7797), whatever they say. Proves nothing. */
bool jws_parse(struct arena *arena, struct slice text, struct jws *jws);

/* False unless the key fits the header's alg (RFC 8725 §3.1) and the signature is right. One of ES256 is r ‖ s
 * of 64 bytes, both below the order (RFC 7518 §3.4); one of RSA is as long as the modulus, and its salt with
 * PS256 as long as the hash (§3.5); one of EdDSA has s below the order (RFC 8032 §5.1.7). */
bool jws_verify(const struct jws *jws, const struct jose_key *key);

/* A NumericDate (RFC 7519 §2) among claims that a stranger wrote, in whole seconds; `otherwise` where there is none. It
 * is at most JWT_TIME_MAX from 0 either way, so that it may be added to and taken from any clock. False when it is no
 * number. */
#define JWT_TIME_MAX (INT64_C(1) << 53)
bool jwt_time_read(const struct value *claims, const char *name, int64_t otherwise, int64_t *time_s);

/* at_hash and c_hash (OpenID Connect Core §3.1.3.6, §3.3.2.11): the left half of the hash that the algorithm
 * uses, in base64url: SHA-256, and for EdDSA SHA-512, which Ed25519 uses inside. */
struct slice jose_half_hash(struct arena *arena, enum jose_alg alg, struct slice text);

#endif
