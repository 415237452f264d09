/* Proving who one is: with a hotkey (a nonce of ours, signed by the wallet; contract §3) or with the
 * fingerprint secret. */
#ifndef CHECKS_SIGN_IN_H
#define CHECKS_SIGN_IN_H

#include "checks/session.h"

struct wallet_proof {
    struct slice hotkey, signature, nonce;
};

/* A fresh nonce (UUIDv4 text), to be signed within settings.nonce_s. */
struct slice wallet_nonce(struct request *request);

/* Checks nonce and signature, spends the nonce and begins a session. ERROR_BAD_REQUEST: bad or used
 * nonce, bad signature; ERROR_NOT_FOUND: no account has this hotkey; ERROR_FORBIDDEN: the login
 * policy refuses. Public texts say which. */
enum error wallet_sign_in(struct request *request, const struct wallet_proof *proof, struct session *session,
                          struct slice *cookie);

/* The same for a fingerprint: ERROR_UNAUTHENTICATED when no account has it. */
enum error fingerprint_sign_in(struct request *request, struct slice fingerprint, struct session *session,
                               struct slice *cookie);

#endif
