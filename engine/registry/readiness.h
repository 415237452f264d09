/* Whether this process may be sent work: the store takes a write, and the clock agrees with the database's.
 * A clock that is further off than a code lives (lifetimes.code) makes codes of this server expired at birth, or good
 * for twice as long, elsewhere: then it is not ready.
 *
 * Law: the store is tried at most once a second in a process, however many ask on however many workers: who asks while
 * it is tried waits for what comes of that, and who asks within the second gets the same answer. Nobody asks, nothing
 * is written. */
#ifndef REGISTRY_READINESS_H
#define REGISTRY_READINESS_H

#include "server/request.h"

/* ERROR_NONE, or ERROR_STORE_UNAVAILABLE or ERROR_OVERLOADED with a text that says why. *skew_ms is how far the clock
 * is ahead of the database's, where that is worth telling, else 0. */
enum error readiness_check(struct request *request, int64_t *skew_ms);

/* Looks at the database's clock when it is a minute ago that anybody did; for a worker's timer, on a fiber. A database
 * on this machine has the same clock. What differs by more than two seconds is told in the log once a minute, and
 * METRIC_clock_skew has it. */
void clocks_compare(struct db *db, struct arena *arena);

#endif
