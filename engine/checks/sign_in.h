/* Proving who one is: with a hotkey (a nonce of ours, signed by the wallet; contract §3), with the fingerprint secret
 * or with a passkey. Failed attempts count (checks/attempts.h); the login policy has its say. */
#ifndef CHECKS_SIGN_IN_H
#define CHECKS_SIGN_IN_H

#include "checks/passkey.h"
#include "checks/session.h"
#include "checks/wallet.h"

/* A fresh nonce (UUIDv4 text), to be signed within settings.nonce_s, for that purpose alone: KEY_NONCE by a wallet, the
 * others by a passkey (checks/passkey.h). */
struct slice login_nonce(struct request *request, enum key_purpose purpose);

/* Checks nonce and signature. ERROR_BAD_REQUEST: bad or expired nonce, bad signature; ERROR_NOT_FOUND: no account has
 * this hotkey; ERROR_FORBIDDEN: the login policy refuses. Public texts say which. */
enum error wallet_prove(struct request *request, const struct wallet_proof *proof, struct proven *proven);

/* The same for a fingerprint: ERROR_UNAUTHENTICATED when no account has it. */
enum error fingerprint_prove(struct request *request, struct slice fingerprint, struct proven *proven);

/* The same for a passkey alone. */
enum error passkey_prove(struct request *request, const struct passkey_answer *answer, struct proven *proven);

/* Spends what was proved with, and begins the session. ERROR_INVALID_REQUEST: it was used already. */
enum error sign_in_finish(struct request *request, const struct proven *proven, struct session *session,
                          struct slice *cookie);

/* The second factor of that user: checks/second_factor.h, counted and recorded like any other proof. */
enum error second_factor_sign_in(struct request *request, const struct proven *first,
                                 const struct passkey_answer *answer, struct proven *proven);

#endif
