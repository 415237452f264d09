#include "crypto/seal.h"

#include "crypto/hex.h"

#include <sodium.h>

/* nonce ‖ ciphertext ‖ tag. The key belongs to one purpose, so a purpose needs no further mark. */
enum {
    NONCE_SIZE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_SIZE = crypto_aead_xchacha20poly1305_ietf_ABYTES
};

struct slice seal(struct arena *arena, const struct keyring *keyring, enum key_purpose purpose, struct slice plain) {
    unsigned char *sealed = arena_alloc(arena, NONCE_SIZE + plain.len + TAG_SIZE);
    randombytes_buf(sealed, NONCE_SIZE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_SIZE, NULL, (const unsigned char *)plain.at, plain.len,
                                               NULL, 0, NULL, sealed, keyring_key(keyring, purpose));
    return base64url_encode(arena, (struct slice){(const char *)sealed, NONCE_SIZE + plain.len + TAG_SIZE});
}

struct slice unseal(struct arena *arena, const struct keyring *keyring, enum key_purpose purpose, struct slice text) {
    struct slice sealed = base64url_decode(arena, text);
    if (sealed.len < NONCE_SIZE + TAG_SIZE)
        return SLICE_NONE;
    const unsigned char *nonce = (const unsigned char *)sealed.at;
    size_t len = sealed.len - NONCE_SIZE - TAG_SIZE;
    unsigned char *plain = arena_alloc(arena, len + 1);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, nonce + NONCE_SIZE, sealed.len - NONCE_SIZE, NULL,
                                                   0, nonce, keyring_key(keyring, purpose)) != 0)
        return SLICE_NONE;
    plain[len] = '\0';
    return (struct slice){(const char *)plain, len};
}
