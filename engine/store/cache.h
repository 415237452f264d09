/* Rows that are asked for again and again, in memory, shared by the threads of the process and
 * bounded in bytes (what was used longest ago goes first).
 *
 * Its law: what a forget names is gone for every thread when the forget returns, and stays gone: a
 * fill whose read began before the forget is thrown away (an epoch per shard). It answers only while
 * somebody vouches that changes from elsewhere would have emptied it. */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include "store/store.h"

struct cache;

struct cache *cache_new(size_t bytes_max);
void cache_free(struct cache *cache);

/* When a read began. */
struct cache_miss {
    uint64_t epoch;
    int64_t at_ms;
};

/* A copy in `arena`. NULL when it is not there; then *miss is for the cache_fill with what a read
 * that begins now gives. */
struct rows *cache_find(struct cache *cache, struct arena *arena, enum statement statement, struct slice key,
                        struct cache_miss *miss);
/* For a read that is to ask the store whatever is here. */
struct cache_miss cache_pass(struct cache *cache, enum statement statement, struct slice key);
/* Absent rows (count 0) are not kept. Rows of a later read take the place of older ones. */
void cache_fill(struct cache *cache, enum statement statement, struct slice key, const struct rows *rows,
                struct cache_miss miss);

void cache_forget(struct cache *cache, enum statement statement, struct slice key);
void cache_forget_all(struct cache *cache);

/* How long rows are kept, from the begin of their read. Without it, until they are forgotten. Before anybody asks. */
void cache_keep_for(struct cache *cache, int64_t keep_ms);

/* Until then (clock_monotonic_ms) the cache may answer. It starts without. */
void cache_vouch(struct cache *cache, int64_t until_ms);

#endif
