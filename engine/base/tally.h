/* A line a second for what may happen very often, in place of one each. Any thread. */
#ifndef BASE_TALLY_H
#define BASE_TALLY_H

#include "base/clock.h"

#include <stdatomic.h>

struct tally {
    _Atomic int64_t told_at_s, count;
};

/* So many more. How many there are to tell of now; 0: they were told of this second, and the next line counts them. */
static inline int64_t tally_add(struct tally *tally, int64_t count) {
    int64_t now_s = clock_now_s();
    atomic_fetch_add(&tally->count, count);
    return atomic_exchange(&tally->told_at_s, now_s) != now_s ? atomic_exchange(&tally->count, 0) : 0;
}

#endif
