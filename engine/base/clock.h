/* Time. Wall time is Unix seconds (what RFCs and the store speak); durations are measured on the
 * monotonic clock. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/arena.h"

int64_t clock_now_s(void);
int64_t clock_now_ms(void);
/* The time that servers of one database compare with each other's: the database's, as far as it is known how far this
 * clock is ahead of it (clock_skew_set). */
int64_t clock_shared_s(void);
void clock_skew_set(int64_t ahead_ms);
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_ns(void);

/* RFC 3339, UTC, whole seconds: "2026-11-24T15:04:05Z". */
struct slice clock_rfc3339(struct arena *arena, int64_t unix_s);

#endif
