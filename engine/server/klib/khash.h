/* In place of klib's khash.h, which Debian has in no package that h2o's headers ask for: the layout of its tables, and
 * what it takes to read them. Nothing here changes one. */
#ifndef KLIB_KHASH_H
#define KLIB_KHASH_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t khiter_t;

/* Two bits of a bucket: 2 is empty, 1 is deleted. Probing goes by growing steps. */
#define KHASH_MAP_INIT_INT64(name, type) \
    typedef struct kh_##name##_s { \
        uint32_t n_buckets, size, n_occupied, upper_bound; \
        uint32_t *flags; \
        uint64_t *keys; \
        type *values; \
    } kh_##name##_t; \
    static inline khiter_t kh_get_##name(const kh_##name##_t *table, uint64_t key) { \
        khiter_t mask = table->n_buckets - 1, at = (khiter_t)(key >> 33 ^ key ^ key << 11) & mask; \
        for (uint32_t step = 0; step < table->n_buckets && !(kh_bucket(table, at) & 2); at = (at + ++step) & mask) \
            if (kh_bucket(table, at) == 0 && table->keys[at] == key) \
                return at; \
        return table->n_buckets; \
    }
#define kh_bucket(table, at) ((table)->flags[(at) >> 4] >> (((at)&15u) << 1) & 3)
#define khash_t(name) kh_##name##_t
#define kh_get(name, table, key) kh_get_##name(table, key)
#define kh_end(table) ((table)->n_buckets)
#define kh_exist(table, at) (kh_bucket(table, at) == 0)
#define kh_val(table, at) ((table)->values[at])

#endif
