/* A second factor: after a fingerprint or a hotkey the login policy may want a passkey, too. What was proved first goes
 * along sealed, for as long as the page may take; no session begins before both are there. */
#ifndef CHECKS_SECOND_FACTOR_H
#define CHECKS_SECOND_FACTOR_H

#include "checks/passkey.h"

/* Asks the policy (login.second_factor); a passkey alone needs none. */
bool second_factor_is_needed(struct request *request, const struct proven *proven);

/* The first factor, sealed. What it was proved with is spent by this. ERROR_INVALID_REQUEST: it was used already. */
enum error second_factor_seal(struct request *request, const struct proven *proven, struct slice *factor);
/* Who has proved it, by what; first->spent_id is the factor's own: one session comes of it. ERROR_BAD_REQUEST: it is
 * not one of ours, or has expired. */
enum error second_factor_open(struct request *request, struct slice factor, struct proven *first);

/* Both: the passkey is that user's, or a new one where she has none. The passkey's nonce is spent here, the
 * factor with the session. proven->user.sign_in.method becomes "fingerprint+passkey" or "hotkey+passkey". */
enum error second_factor_prove(struct request *request, const struct proven *first, const struct passkey_answer *answer,
                               struct proven *proven);

#endif
