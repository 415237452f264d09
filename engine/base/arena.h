/* An arena: memory that is freed all at once. One per request; one per command.
 * Blocks come from a small per-thread pool, so a request in the steady state calls no malloc.
 * Running out of memory ends the process (as in h2o): sizes are limited before they get here. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

#include <stdint.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    char *next, *end;           /* what is left of the newest block */
};

void arena_init(struct arena *arena);
void arena_free(struct arena *arena);

/* Aligned to 16 bytes, not zeroed, never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
/* The same, zeroed. */
void *arena_zalloc(struct arena *arena, size_t size);

/* A copy, NUL-terminated one past its end. An absent slice stays absent. */
struct slice arena_copy(struct arena *arena, struct slice s);
/* The same as a C string; NULL when absent. */
const char *arena_string(struct arena *arena, struct slice s);
struct slice arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Frees this thread's pool of idle blocks; a thread calls it before it ends. */
void arena_pool_drain(void);

#endif
