#include "policy/blocks.h"

#include <stdlib.h>
#include <string.h>

enum { SLAB_SIZE = 32 * 1024 };

struct slab {
    struct slab *next;
    _Alignas(BLOCK_STEP) char bytes[SLAB_SIZE - BLOCK_STEP];
};

struct free_block {
    struct free_block *next;
};

static size_t class_of(size_t size) {
    return (size - 1) / BLOCK_STEP;
}

static void *small_get(struct blocks *blocks, size_t class) {
    struct free_block *block = blocks->idle[class];
    if (block) {
        blocks->idle[class] = block->next;
        return block;
    }
    size_t size = (class + 1) * BLOCK_STEP;
    if (blocks->left < size) { /* the rest of the old slab is lost: at most one small block in 32 KiB */
        struct slab *slab = malloc(sizeof(*slab));
        if (!slab)
            return NULL;
        slab->next = blocks->slabs;
        blocks->slabs = slab;
        blocks->next = slab->bytes;
        blocks->left = sizeof(slab->bytes);
    }
    void *made = blocks->next;
    blocks->next += size;
    blocks->left -= size;
    return made;
}

static void *get(struct blocks *blocks, size_t size) {
    return size <= BLOCK_SMALL_MAX ? small_get(blocks, class_of(size)) : malloc(size);
}

static void put(struct blocks *blocks, void *old, size_t old_size) {
    if (!old)
        return;
    if (old_size > BLOCK_SMALL_MAX) {
        free(old);
        return;
    }
    struct free_block *block = old;
    block->next = blocks->idle[class_of(old_size)];
    blocks->idle[class_of(old_size)] = block;
}

void *blocks_resize(struct blocks *blocks, void *old, size_t old_size, size_t size) {
    if (size == 0) {
        put(blocks, old, old_size);
        return NULL;
    }
    if (!old)
        return get(blocks, size);
    if (old_size > BLOCK_SMALL_MAX && size > BLOCK_SMALL_MAX)
        return realloc(old, size);
    if (size <= BLOCK_SMALL_MAX && old_size <= BLOCK_SMALL_MAX && class_of(size) == class_of(old_size))
        return old;
    void *made = get(blocks, size);
    if (!made)
        return size < old_size ? old : NULL; /* lua_Alloc never refuses to shrink */
    memcpy(made, old, old_size < size ? old_size : size);
    put(blocks, old, old_size);
    return made;
}

void blocks_free(struct blocks *blocks) {
    while (blocks->slabs) {
        struct slab *slab = blocks->slabs;
        blocks->slabs = slab->next;
        free(slab);
    }
    *blocks = (struct blocks){0};
}
