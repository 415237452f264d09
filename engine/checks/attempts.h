/* Failed attempts to sign in, counted for each address and each account; when there were too many (login.limits of the
 * policy) the next ones are not looked at until their time is over.
 *
 * The counts are in the memory of the process, in a table of fixed size: a flood of wrong secrets writes nothing and
 * fills nothing. Each server counts for itself. An IPv6 address stands for its /64, which is one customer's. */
#ifndef CHECKS_ATTEMPTS_H
#define CHECKS_ATTEMPTS_H

#include "server/response.h"

/* `account`: whose account the attempt is about, if it says so; absent: it does not. ERROR_TOO_MANY_REQUESTS. */
enum error attempts_check(struct request *request, struct slice account);

/* One more has failed. */
void attempts_count(struct request *request, struct slice account);

#endif
