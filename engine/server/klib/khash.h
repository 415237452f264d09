/* In place of klib's khash.h, which Debian has in no package that h2o's headers ask for: the types alone, since
 * http2_guard.c looks at no table. h2o's connection holds a pointer to one, so its layout is right. */
#ifndef KLIB_KHASH_H
#define KLIB_KHASH_H

#include <stddef.h>

typedef size_t khiter_t;
#define KHASH_MAP_INIT_INT64(name, type) \
    typedef struct kh_##name##_s { \
        type *values; \
    } kh_##name##_t;
#define khash_t(name) kh_##name##_t
#define kh_get(name, table, key) ((void)(key), (khiter_t)0)
#define kh_end(table) ((khiter_t)0)
#define kh_val(table, iterator) ((table)->values[iterator])

#endif
