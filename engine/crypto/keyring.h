/* The server's own secret, and the keys that are derived from it, one per purpose. */
#ifndef CRYPTO_KEYRING_H
#define CRYPTO_KEYRING_H

#include "base/arena.h"

enum { KEY_SIZE = 32, SECRET_SIZE = 32 };

enum key_purpose {
    KEY_HASH,    /* keyed hashes of tokens and secrets */
    KEY_NONCE,   /* MAC of login nonces, which wallets sign */
    KEY_CSRF,    /* CSRF tokens of pages */
    KEY_CONSENT, /* sealed: the pending authorization request behind session_id */
    KEY_CODE,    /* sealed: authorization codes */
    KEY_SIGNING, /* sealed: signing keys at rest */
    KEY_REQUEST, /* sealed: pushed authorization requests */
    KEY_DEVICE,  /* sealed: device codes */
    KEY_DPOP,    /* MAC of the nonces of DPoP proofs */
    KEY_FACTOR,  /* sealed: the first factor, until the second is there */
    /* MAC of the challenges of passkeys: to sign in with one, to add one to what was proved, to make one */
    KEY_PASSKEY,
    KEY_SECOND_PASSKEY,
    KEY_NEW_PASSKEY,
    KEY_FORM, /* sealed: the tokens of forms that are sent before anybody has signed in */
    KEY_PURPOSES,
};

struct keyring;

/* Takes the secret from the environment (MOONLATCH_SECRET, 64 hex digits; then it is unset), else from
 * the file `secret` in state_dir, which is made on first start (mode 0600, atomically: two servers
 * that start at once agree on one). A file that others may read, that is too short or that cannot
 * be read is refused, and so is a secret of zeros; one that is not random is warned of. NULL on failure with *error (in
 * `arena`) a sentence that says what to do. Keys are kept in locked, guarded memory; keyring_close wipes them. */
struct keyring *keyring_open(struct arena *arena, const char *state_dir, struct slice *error);
/* Of that secret, whatever it is: for specs. NULL: no guarded memory is to be had. */
struct keyring *keyring_from(const unsigned char secret[SECRET_SIZE]);
void keyring_close(struct keyring *keyring);

/* KEY_SIZE bytes. */
const unsigned char *keyring_key(const struct keyring *keyring, enum key_purpose purpose);

#endif
