#include "store/cache.h"

#include "base/metrics.h"
#include "store/rows.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum {
    SHARDS = 16,
    ENTRY_TYPICAL = 512, /* bytes; decides the number of buckets */
    BUCKETS_MIN = 16,
    LARGEST_PART = 8, /* an entry takes at most this part of its shard */
};

struct entry {
    struct entry *chain;         /* in its bucket */
    struct entry *newer, *older; /* by last use */
    uint64_t hash;
    int64_t until_ms; /* when it is too old */
    size_t size;      /* of all of it */
    size_t key_len, block_size;
    enum statement statement;
    _Alignas(16) char bytes[]; /* the block of rows_pack, then the key */
};

struct shard {
    _Alignas(64) pthread_mutex_t mutex;
    uint64_t epoch;
    struct entry **buckets;
    struct entry *newest, *oldest;
    size_t bytes;
};

struct cache {
    _Atomic int64_t vouched_until_ms;
    int64_t keep_ms; /* 0: for ever */
    uint64_t seed;
    size_t bucket_count; /* per shard, a power of two */
    size_t shard_bytes_max;
    struct shard shards[SHARDS];
};

static void *zalloc_or_end(size_t count, size_t size) {
    void *got = calloc(count, size);
    if (!got) {
        fputs("moonlatch: out of memory\n", stderr);
        abort();
    }
    return got;
}

static size_t bucket_count_for(size_t shard_bytes) {
    size_t count = BUCKETS_MIN;
    while (count * 2 * ENTRY_TYPICAL <= shard_bytes)
        count *= 2;
    return count;
}

struct cache *cache_new(size_t bytes_max) {
    struct cache *cache = aligned_alloc(64, sizeof(*cache));
    if (!cache)
        return NULL;
    memset(cache, 0, sizeof(*cache));
    if (getrandom(&cache->seed, sizeof(cache->seed), 0) != sizeof(cache->seed))
        cache->seed = (uint64_t)(uintptr_t)cache;
    cache->shard_bytes_max = bytes_max / SHARDS;
    cache->bucket_count = bucket_count_for(cache->shard_bytes_max);
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache->shards[i];
        pthread_mutex_init(&shard->mutex, NULL);
        shard->buckets = zalloc_or_end(cache->bucket_count, sizeof(struct entry *));
        shard->bytes = cache->bucket_count * sizeof(struct entry *);
        metric_add(METRIC_cache_bytes, (int64_t)shard->bytes);
    }
    return cache;
}

static void shard_clear(struct cache *cache, struct shard *shard) {
    size_t freed = 0;
    while (shard->newest) {
        struct entry *entry = shard->newest;
        shard->newest = entry->older;
        freed += entry->size;
        free(entry);
    }
    shard->oldest = NULL;
    shard->bytes -= freed;
    memset(shard->buckets, 0, cache->bucket_count * sizeof(struct entry *));
    metric_add(METRIC_cache_bytes, -(int64_t)freed);
}

void cache_free(struct cache *cache) {
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache->shards[i];
        shard_clear(cache, shard);
        free(shard->buckets);
        metric_add(METRIC_cache_bytes, -(int64_t)shard->bytes);
        pthread_mutex_destroy(&shard->mutex);
    }
    free(cache);
}

static uint64_t mix(uint64_t h) {
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    h ^= h >> 32;
    return h;
}

/* Only keys of rows that exist get in, so nobody chooses many keys of one bucket; the seed is enough. */
static uint64_t hash_of(const struct cache *cache, enum statement statement, struct slice key) {
    uint64_t h = mix(cache->seed ^ (uint64_t)statement ^ ((uint64_t)key.len << 32));
    while (key.len >= 8) {
        uint64_t word;
        memcpy(&word, key.at, 8);
        h = mix(h ^ word) + cache->seed;
        key = slice_from(key, 8);
    }
    uint64_t rest = 0;
    if (key.len)
        memcpy(&rest, key.at, key.len);
    return mix(mix(h ^ rest));
}

static struct shard *shard_of(struct cache *cache, uint64_t hash) {
    return &cache->shards[hash >> 60];
}

_Static_assert(SHARDS == 16, "shard_of takes four bits");

/* Where the pointer to the entry stands; to NULL when there is none. */
static struct entry **place_of(struct cache *cache, struct shard *shard, uint64_t hash, enum statement statement,
                               struct slice key) {
    struct entry **place = &shard->buckets[hash & (cache->bucket_count - 1)];
    for (; *place; place = &(*place)->chain) {
        struct entry *entry = *place;
        if (entry->hash == hash && entry->statement == statement &&
            slice_equal((struct slice){entry->bytes + entry->block_size, entry->key_len}, key))
            break;
    }
    return place;
}

static void use_end(struct shard *shard, struct entry *entry) {
    *(entry->newer ? &entry->newer->older : &shard->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &shard->oldest) = entry->newer;
}

static void use_begin(struct shard *shard, struct entry *entry) {
    entry->newer = NULL;
    entry->older = shard->newest;
    *(shard->newest ? &shard->newest->newer : &shard->oldest) = entry;
    shard->newest = entry;
}

static void entry_drop(struct shard *shard, struct entry **place) {
    struct entry *entry = *place;
    *place = entry->chain;
    use_end(shard, entry);
    shard->bytes -= entry->size;
    metric_add(METRIC_cache_bytes, -(int64_t)entry->size);
    free(entry);
}

/* The coarse clock is some milliseconds behind and costs a tenth of the precise one. */
static int64_t coarse_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct rows *cache_find(struct cache *cache, struct arena *arena, enum statement statement, struct slice key,
                        struct cache_miss *miss) {
    int64_t now_ms = coarse_now_ms();
    bool answers = now_ms < atomic_load_explicit(&cache->vouched_until_ms, memory_order_relaxed);
    uint64_t hash = hash_of(cache, statement, key);
    struct shard *shard = shard_of(cache, hash);
    struct rows *rows = NULL;
    pthread_mutex_lock(&shard->mutex);
    struct entry **place = place_of(cache, shard, hash, statement, key), *entry = answers ? *place : NULL;
    if (entry && entry->until_ms <= now_ms) {
        entry_drop(shard, place);
    } else if (entry) {
        rows = rows_unpack(arena, entry->bytes, entry->block_size);
        if (shard->newest != entry) {
            use_end(shard, entry);
            use_begin(shard, entry);
        }
    }
    *miss = (struct cache_miss){shard->epoch, now_ms};
    pthread_mutex_unlock(&shard->mutex);
    metric_add(rows ? METRIC_cache_hits : METRIC_cache_misses, 1);
    return rows;
}

struct cache_miss cache_pass(struct cache *cache, enum statement statement, struct slice key) {
    struct shard *shard = shard_of(cache, hash_of(cache, statement, key));
    pthread_mutex_lock(&shard->mutex);
    struct cache_miss miss = {shard->epoch, coarse_now_ms()};
    pthread_mutex_unlock(&shard->mutex);
    metric_add(METRIC_cache_misses, 1);
    return miss;
}

static struct entry *entry_new(enum statement statement, struct slice key, uint64_t hash, const struct rows *rows,
                               size_t size_max) {
    size_t block_size = rows_packed_size(rows);
    size_t size = sizeof(struct entry) + block_size + key.len;
    struct entry *entry = size <= size_max ? malloc(size) : NULL;
    if (!entry)
        return NULL;
    *entry = (struct entry){
        .hash = hash, .size = size, .key_len = key.len, .block_size = block_size, .statement = statement};
    rows_pack(entry->bytes, rows);
    if (key.len)
        memcpy(entry->bytes + block_size, key.at, key.len);
    return entry;
}

void cache_fill(struct cache *cache, enum statement statement, struct slice key, const struct rows *rows,
                struct cache_miss miss) {
    uint64_t hash = hash_of(cache, statement, key);
    struct shard *shard = shard_of(cache, hash);
    struct entry *entry =
        rows->count ? entry_new(statement, key, hash, rows, cache->shard_bytes_max / LARGEST_PART) : NULL;
    if (!entry)
        return;
    entry->until_ms = cache->keep_ms ? miss.at_ms + cache->keep_ms : INT64_MAX;
    pthread_mutex_lock(&shard->mutex);
    struct entry **place = place_of(cache, shard, hash, statement, key);
    if (shard->epoch == miss.epoch && (!*place || (*place)->until_ms < entry->until_ms)) {
        if (*place)
            entry_drop(shard, place);
        entry->chain = *place;
        *place = entry;
        use_begin(shard, entry);
        shard->bytes += entry->size;
        metric_add(METRIC_cache_bytes, (int64_t)entry->size);
        while (shard->bytes > cache->shard_bytes_max && shard->oldest) {
            struct entry *oldest = shard->oldest;
            struct slice oldest_key = {oldest->bytes + oldest->block_size, oldest->key_len};
            entry_drop(shard, place_of(cache, shard, oldest->hash, oldest->statement, oldest_key));
        }
        entry = NULL;
    }
    pthread_mutex_unlock(&shard->mutex);
    free(entry);
}

void cache_forget(struct cache *cache, enum statement statement, struct slice key) {
    uint64_t hash = hash_of(cache, statement, key);
    struct shard *shard = shard_of(cache, hash);
    pthread_mutex_lock(&shard->mutex);
    shard->epoch++;
    struct entry **place = place_of(cache, shard, hash, statement, key);
    if (*place)
        entry_drop(shard, place);
    pthread_mutex_unlock(&shard->mutex);
}

void cache_forget_all(struct cache *cache) {
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache->shards[i];
        pthread_mutex_lock(&shard->mutex);
        shard->epoch++;
        shard_clear(cache, shard);
        pthread_mutex_unlock(&shard->mutex);
    }
}

void cache_keep_for(struct cache *cache, int64_t keep_ms) {
    cache->keep_ms = keep_ms;
}

void cache_vouch(struct cache *cache, int64_t until_ms) {
    atomic_store_explicit(&cache->vouched_until_ms, until_ms, memory_order_relaxed);
}
