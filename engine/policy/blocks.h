/* The memory of one Lua state: many small blocks, made and dropped again within a call. Lua says how large a block is
 * when it frees it, so the small ones need no header and come from free lists by size. Larger ones are malloc's.
 * Of one thread. What has gone into free lists is given back by blocks_free alone. */
#ifndef POLICY_BLOCKS_H
#define POLICY_BLOCKS_H

#include <stddef.h>

enum { BLOCK_STEP = 16, BLOCK_SMALL_MAX = 512 };

struct blocks {
    struct slab *slabs;
    char *next; /* in the newest slab */
    size_t left;
    struct free_block *idle[BLOCK_SMALL_MAX / BLOCK_STEP];
};

/* lua_Alloc's rules: old is NULL with old_size 0 for a new block; size 0 frees. NULL when there is no memory. Aligned
 * to 16 bytes. */
void *blocks_resize(struct blocks *blocks, void *old, size_t old_size, size_t size);

/* All slabs; larger blocks must have been freed one by one (lua_close does). */
void blocks_free(struct blocks *blocks);

#endif
