/* What this server did of late: counters, sampled into two rings in memory, the last hour by minute and the last day by
 * quarter of an hour. One thread samples; any may read. Nothing is kept beyond the process. */
#ifndef BASE_HISTORY_H
#define BASE_HISTORY_H

#include "base/latency.h"
#include "base/metrics.h"

enum history_span { HISTORY_HOUR, HISTORY_DAY };
enum { HISTORY_POINTS_MAX = 96 };

/* What happened in one period. */
struct history_point {
    int64_t at_s;                 /* its begin, a whole period of Unix time */
    int64_t counts[METRIC_COUNT]; /* of counters: what they grew by; of gauges: their change */
    int64_t latency[LATENCY_BUCKETS];
};

struct history {
    int64_t since_s;              /* begin of this server */
    int64_t period_s;             /* 60 or 900 */
    size_t count;                 /* up to 60 or 96; the last one is the period that is not over yet */
    struct history_point *points; /* the oldest first, in the arena */
};

/* Called when the process begins to serve. */
void history_begin(int64_t now_s);
/* Called once a second or so, by one thread; mostly it does nothing. */
void history_tick(int64_t now_s);
/* The time that has gone by and the current period, so far. Before history_begin: no points. */
struct history history_read(struct arena *arena, enum history_span span, int64_t now_s);

#endif
