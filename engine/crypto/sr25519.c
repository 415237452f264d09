#include "crypto/sr25519.h"

#include "crypto/hex.h"
#include "crypto/merlin.h"
#include "crypto/ss58.h"

#include <sodium.h>

enum { SCALAR_SIZE = crypto_core_ristretto255_SCALARBYTES, MARKER = 0x80 };

/* MultiSignature's type byte (Substrate), which may stand before the 64 bytes: 0 is ed25519, 2 ecdsa. A
 * bare ecdsa signature has 65 bytes, too. */
enum { TYPE_SR25519 = 1 };

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
    if (!scalar_is_canonical(s) || !crypto_core_ristretto255_is_valid_point(r))
        return false;
    challenge_of(key, message, r, k);
    /* R == s·B - k·A. Both multiplications refuse a bad point and the identity. */
    if (crypto_scalarmult_ristretto255(k_key, k, key) != 0 || crypto_scalarmult_ristretto255_base(s_base, s) != 0 ||
        crypto_core_ristretto255_sub(expected, s_base, k_key) != 0)
        return false;
    return memcmp(expected, r, sizeof(expected)) == 0;
}

/* 64 bytes, or 65 whose first names the scheme. */
static enum wallet_verdict signature_read(struct slice text, unsigned char signature[SR25519_SIGNATURE_SIZE]) {
    unsigned char typed[1 + SR25519_SIGNATURE_SIZE];
    if (hex_decode(text, signature, SR25519_SIGNATURE_SIZE))
        return WALLET_OK;
    if (!hex_decode(text, typed, sizeof(typed)))
        return WALLET_BAD_SIGNATURE;
    memcpy(signature, typed + 1, SR25519_SIGNATURE_SIZE);
    return typed[0] == TYPE_SR25519 ? WALLET_OK : WALLET_OTHER_SCHEME;
}

static bool wrapped_verify(const unsigned char *key, struct slice message, const unsigned char *signature) {
    struct arena arena;
    arena_init(&arena);
    struct slice wrapped = arena_printf(&arena, "<Bytes>%.*s</Bytes>", SLICE_ARG(message));
    bool is_good = sr25519_verify(key, wrapped, signature);
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
