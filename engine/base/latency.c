#include "base/latency.h"

#include <stdatomic.h>
#include <string.h>

enum {
    COPIES = 64, /* threads beyond share one */
    STEPS = 4,   /* buckets to a power of two */
};

static struct { _Alignas(64) _Atomic int64_t counts[LATENCY_BUCKETS]; } copies[COPIES];
static _Atomic unsigned threads;
static _Thread_local unsigned own; /* 0: none yet */

/* 0 to 3 µs have a bucket each; then the two bits behind the highest choose. */
static unsigned bucket_of(int64_t ns) {
    uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;
    if (us < STEPS)
        return (unsigned)us;
    unsigned power = 63 - (unsigned)__builtin_clzll(us);
    unsigned bucket = (power - 1) * STEPS + (unsigned)(us >> (power - 2) & (STEPS - 1));
    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

/* In µs. */
static double start_of(unsigned bucket) {
    if (bucket < STEPS)
        return bucket;
    return (double)((uint64_t)(STEPS + bucket % STEPS) << (bucket / STEPS - 1));
}

void latency_add(int64_t ns, int64_t answers) {
    if (!own)
        own = 1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % COPIES;
    atomic_fetch_add_explicit(&copies[own - 1].counts[bucket_of(ns)], answers, memory_order_relaxed);
}

void latency_read(int64_t counts[LATENCY_BUCKETS]) {
    memset(counts, 0, LATENCY_BUCKETS * sizeof(*counts));
    for (int copy = 0; copy < COPIES; copy++)
        for (int i = 0; i < LATENCY_BUCKETS; i++)
            counts[i] += atomic_load_explicit(&copies[copy].counts[i], memory_order_relaxed);
}

double latency_percentile(const int64_t counts[LATENCY_BUCKETS], double percentile) {
    int64_t total = 0, below = 0;
    for (int i = 0; i < LATENCY_BUCKETS; i++)
        total += counts[i];
    if (total <= 0)
        return -1;
    double wanted = percentile / 100 * (double)total;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        if (counts[i] > 0 && (double)(below + counts[i]) >= wanted) {
            double part = (wanted - (double)below) / (double)counts[i];
            return (start_of(i) + part * (start_of(i + 1) - start_of(i))) / 1000;
        }
        below += counts[i];
    }
    return start_of(LATENCY_BUCKETS) / 1000;
}
