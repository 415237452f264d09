/* How long answers take: a histogram of the process, of time from a request's arrival at its route to its answer.
 * Buckets are four to a power of two, so that a percentile is right within a fifth. Safe from any thread: each adds to
 * a copy of its own. */
#ifndef BASE_LATENCY_H
#define BASE_LATENCY_H

#include <stdint.h>

enum { LATENCY_BUCKETS = 108 }; /* from 1 µs to more than two minutes */

/* Of one answer that stands for so many. */
void latency_add(int64_t ns, int64_t answers);
/* What has been counted so far, by bucket. */
void latency_read(int64_t counts[LATENCY_BUCKETS]);
/* The percentile (0 to 100) in milliseconds of what these buckets hold; -1 when they hold nothing. */
double latency_percentile(const int64_t counts[LATENCY_BUCKETS], double percentile);

#endif
