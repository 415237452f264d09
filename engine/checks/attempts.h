/* Attempts to sign in: so many of an address, and of an address at one account, may fail (login.limits of the policy);
 * the next ones are not looked at until the window is over.
 *
 * An attempt is spent before the store is asked and given back when it succeeds, so that many at once get no more
 * through than one by one (base/budget.h: in memory, a table of fixed size, each process for itself).
 *
 * What fails stops nobody but the address that it came from: to sign in, people show what cannot be guessed (190 bits
 * of a fingerprint, signatures of wallets and passkeys), so a count for the account alone would protect nobody, and let
 * anybody who knows a public key lock its owner out. What can be guessed is counted by who guesses, where that is
 * proven: the user codes of devices, for each user (checks/device_request.h).
 *
 * An IPv6 address stands for its /64, which is one customer's. Who has many of them has as many budgets: no number of
 * addresses makes 190 bits guessable; the limit keeps one address from making work and noise. */
#ifndef CHECKS_ATTEMPTS_H
#define CHECKS_ATTEMPTS_H

#include "base/budget.h"
#include "server/response.h"

struct attempt {
    struct budget_use address, account;
};

/* `account`: the account that the attempt is about: a public key (never the text of an address, of which a key has
 * many), a passkey's or a user's id; absent: it names none. ERROR_TOO_MANY_REQUESTS; else attempt_end must follow. */
enum error attempt_begin(struct request *request, struct slice account, struct attempt *attempt);
void attempt_end(const struct attempt *attempt, bool has_failed);

#endif
