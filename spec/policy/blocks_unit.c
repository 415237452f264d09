#include "../../engine/policy/blocks.c"

#include "../unit/unit.h"

#include <stdint.h>

enum { HELD = 500, ROUNDS = 200000, SIZE_MOST = 1200 };

static struct {
    unsigned char *at;
    size_t size;
    unsigned char mark;
} held[HELD];

static uint32_t seed = 1;
static uint32_t next(void) {
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

static bool is_whole(size_t i, size_t size) {
    for (size_t at = 0; at < size; at++)
        if (held[i].at[at] != held[i].mark)
            return false;
    return true;
}

/* Sizes on both sides of every class's edge and of malloc's; nobody's bytes are anybody else's. */
static void blocks_keep_what_is_in_them(void) {
    struct blocks blocks = {0};
    bool is_good = true;
    for (int round = 0; round < ROUNDS && is_good; round++) {
        size_t i = next() % HELD, size = next() % 3 ? next() % 70 : next() % SIZE_MOST, old_size = held[i].size;
        is_good = is_whole(i, old_size);
        held[i].at = blocks_resize(&blocks, held[i].at, old_size, size);
        held[i].size = size;
        is_good = is_good && (size == 0) == (held[i].at == NULL) && (uintptr_t)held[i].at % BLOCK_STEP == 0 &&
                  is_whole(i, size < old_size ? size : old_size);
        held[i].mark = (unsigned char)next();
        if (size)
            memset(held[i].at, held[i].mark, size);
    }
    CHECK(is_good);
    for (size_t i = 0; i < HELD; i++)
        blocks_resize(&blocks, held[i].at, held[i].size, 0);
    blocks_free(&blocks);
}

static void what_is_freed_is_used_again(void) {
    struct blocks blocks = {0};
    for (int round = 0; round < ROUNDS; round++) {
        void *one = blocks_resize(&blocks, NULL, 0, 40), *two = blocks_resize(&blocks, NULL, 0, 48);
        blocks_resize(&blocks, one, 40, 0);
        blocks_resize(&blocks, two, 48, 0);
    }
    CHECK(blocks.slabs && !blocks.slabs->next);
    blocks_free(&blocks);
    CHECK(!blocks.slabs);
}

int main(void) {
    RUN(blocks_keep_what_is_in_them);
    RUN(what_is_freed_is_used_again);
    return unit_end();
}
