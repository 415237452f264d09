#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define POOL_LIMIT 0 /* every use after free is seen */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_LIMIT 0
#endif
#endif
#ifndef POOL_LIMIT
#define POOL_LIMIT 256
#endif

enum { BLOCK_SIZE = 8192, ALIGN = 16 };

struct arena_block {
    struct arena_block *older;
    size_t size; /* of the whole block, header included */
};

static _Thread_local struct arena_block *pool;
static _Thread_local size_t pool_count;

_Static_assert(sizeof(struct arena_block) % ALIGN == 0, "the first allocation is aligned");

void arena_init(struct arena *arena) {
    *arena = (struct arena){0};
}

static void block_release(struct arena_block *block) {
    if (block->size == BLOCK_SIZE && pool_count != POOL_LIMIT) {
        block->older = pool;
        pool = block;
        pool_count++;
    } else {
        free(block);
    }
}

void arena_free(struct arena *arena) {
    struct arena_block *block = arena->blocks;
    while (block) {
        struct arena_block *older = block->older;
        block_release(block);
        block = older;
    }
    arena_init(arena);
}

void arena_pool_drain(void) {
    while (pool) {
        struct arena_block *older = pool->older;
        free(pool);
        pool = older;
    }
    pool_count = 0;
}

static struct arena_block *block_get(size_t size) {
    if (size <= BLOCK_SIZE && pool) {
        struct arena_block *block = pool;
        pool = block->older;
        pool_count--;
        return block;
    }
    if (size < BLOCK_SIZE)
        size = BLOCK_SIZE;
    struct arena_block *block = malloc(size);
    if (!block) {
        fputs("moonlatch: out of memory\n", stderr);
        abort();
    }
    block->size = size;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size) {
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (size > (size_t)(arena->end - arena->next)) {
        struct arena_block *block = block_get(size + sizeof(*block));
        block->older = arena->blocks;
        arena->blocks = block;
        arena->next = (char *)(block + 1);
        arena->end = (char *)block + block->size;
    }
    void *got = arena->next;
    arena->next += size;
    return got;
}

void *arena_zalloc(struct arena *arena, size_t size) {
    return memset(arena_alloc(arena, size), 0, size);
}

struct slice arena_copy(struct arena *arena, struct slice s) {
    if (!slice_is_set(s))
        return s;
    char *at = arena_alloc(arena, s.len + 1);
    memcpy(at, s.at, s.len);
    at[s.len] = '\0';
    return (struct slice){at, s.len};
}

const char *arena_string(struct arena *arena, struct slice s) {
    return arena_copy(arena, s).at;
}

struct slice arena_printf(struct arena *arena, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *at = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(at, (size_t)len + 1, format, again);
    va_end(again);
    return (struct slice){at, (size_t)len};
}
