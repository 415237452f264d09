#include "crypto/sr25519.h"

#include "base/buffer.h"
#include "crypto/hex.h"
#include "crypto/merlin.h"
#include "crypto/ss58.h"

#include <sodium.h>

enum { SCALAR_SIZE = crypto_core_ristretto255_SCALARBYTES, MARKER = 0x80 };

/* MultiSignature's type byte (Substrate), which may stand before the signature: 0 is ed25519, 2 ecdsa.
 * An ecdsa signature has 65 bytes, so with its type 66. */
enum { TYPE_SR25519 = 1, ECDSA_SIZE = 65 };

static struct slice slice_at(const unsigned char *at, size_t len) {
    return (struct slice){(const char *)at, len};
}

/* s < L: reducing a canonical scalar changes nothing. libsodium does not check it here. */
static bool scalar_is_canonical(const unsigned char scalar[SCALAR_SIZE]) {
    unsigned char wide[crypto_core_ristretto255_NONREDUCEDSCALARBYTES] = {0}, reduced[SCALAR_SIZE];
    memcpy(wide, scalar, SCALAR_SIZE);
    crypto_core_ristretto255_scalar_reduce(reduced, wide);
    return sodium_memcmp(reduced, scalar, SCALAR_SIZE) == 0;
}

/* RFC 9496 §4.3.1: below 2^255. libsodium 1.0.18 checks the rest of the encoding but ignores this bit, and
 * so one point would have two encodings. */
static bool point_has_spare_bit(const unsigned char point[crypto_core_ristretto255_BYTES]) {
    return point[crypto_core_ristretto255_BYTES - 1] & 0x80;
}

/* schnorrkel's challenge: everything that is signed, and the commitment R. */
static void challenge_of(const unsigned char key[SR25519_KEY_SIZE], struct slice message, const unsigned char *r,
                         unsigned char k[SCALAR_SIZE]) {
    unsigned char wide[crypto_core_ristretto255_NONREDUCEDSCALARBYTES];
    struct transcript transcript;
    transcript_init(&transcript, SLICE("SigningContext"));
    transcript_append(&transcript, SLICE(""), SLICE("substrate"));
    transcript_append(&transcript, SLICE("sign-bytes"), message);
    transcript_append(&transcript, SLICE("proto-name"), SLICE("Schnorr-sig"));
    transcript_append(&transcript, SLICE("sign:pk"), slice_at(key, SR25519_KEY_SIZE));
    transcript_append(&transcript, SLICE("sign:R"), slice_at(r, crypto_core_ristretto255_BYTES));
    transcript_challenge(&transcript, SLICE("sign:c"), wide, sizeof(wide));
    crypto_core_ristretto255_scalar_reduce(k, wide);
}

bool sr25519_verify(const unsigned char key[SR25519_KEY_SIZE], struct slice message,
                    const unsigned char signature[SR25519_SIGNATURE_SIZE]) {
    const unsigned char *r = signature;
    unsigned char s[SCALAR_SIZE], k[SCALAR_SIZE];
    unsigned char s_base[crypto_core_ristretto255_BYTES], k_key[crypto_core_ristretto255_BYTES];
    unsigned char expected[crypto_core_ristretto255_BYTES];
    memcpy(s, signature + crypto_core_ristretto255_BYTES, SCALAR_SIZE);
    if (!(s[SCALAR_SIZE - 1] & MARKER))
        return false;
    s[SCALAR_SIZE - 1] &= (unsigned char)~MARKER;
    if (point_has_spare_bit(key) || !scalar_is_canonical(s))
        return false;
    challenge_of(key, message, r, k);
    /* R == s·B - k·A. Both multiplications refuse a bad point and the identity; the result's encoding is the
     * canonical one, so no other R equals it. */
    if (crypto_scalarmult_ristretto255(k_key, k, key) != 0 || crypto_scalarmult_ristretto255_base(s_base, s) != 0 ||
        crypto_core_ristretto255_sub(expected, s_base, k_key) != 0)
        return false;
    return memcmp(expected, r, sizeof(expected)) == 0;
}

/* 64 bytes, or 65 whose first names the scheme. */
static enum wallet_verdict signature_read(struct slice text, unsigned char signature[SR25519_SIGNATURE_SIZE]) {
    unsigned char typed[1 + ECDSA_SIZE];
    if (hex_decode(text, signature, SR25519_SIGNATURE_SIZE))
        return WALLET_OK;
    if (hex_decode(text, typed, 1 + ECDSA_SIZE))
        return WALLET_OTHER_SCHEME;
    if (!hex_decode(text, typed, 1 + SR25519_SIGNATURE_SIZE))
        return WALLET_NO_SIGNATURE;
    memcpy(signature, typed + 1, SR25519_SIGNATURE_SIZE);
    return typed[0] == TYPE_SR25519 ? WALLET_OK : WALLET_OTHER_SCHEME;
}

static bool wrapped_verify(const unsigned char *key, struct slice message, const unsigned char *signature) {
    struct arena arena;
    arena_init(&arena);
    struct buffer wrapped = buffer_in(&arena);
    buffer_add(&wrapped, SLICE("<Bytes>"));
    buffer_add(&wrapped, message);
    buffer_add(&wrapped, SLICE("</Bytes>"));
    bool is_good = sr25519_verify(key, buffer_slice(&wrapped), signature);
    arena_free(&arena);
    return is_good;
}

enum wallet_verdict wallet_verify(struct slice hotkey, struct slice message, struct slice signature,
                                  unsigned char key[SR25519_KEY_SIZE]) {
    unsigned char bytes[SR25519_SIGNATURE_SIZE];
    if (!ss58_decode(hotkey, key))
        return WALLET_BAD_HOTKEY;
    enum wallet_verdict verdict = signature_read(signature, bytes);
    if (verdict != WALLET_OK)
        return verdict;
    if (!(bytes[SR25519_SIGNATURE_SIZE - 1] & MARKER))
        return WALLET_OTHER_SCHEME; /* ed25519's top bits are always clear */
    if (sr25519_verify(key, message, bytes) || wrapped_verify(key, message, bytes))
        return WALLET_OK;
    return WALLET_BAD_SIGNATURE;
}
