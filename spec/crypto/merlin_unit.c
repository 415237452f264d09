#include "../../engine/crypto/merlin.c"

#include "../unit/unit.h"
#include "vectors.h"

static void permutes_as_keccak_does(void) {
    /* The Keccak team's KeccakF-1600-IntermediateValues: the zero state, once and twice. */
    uint64_t state[25] = {0};
    keccak_f1600(state);
    CHECK(state[0] == 0xf1258f7940e1dde7 && state[1] == 0x84d5ccf933c0478a && state[24] == 0xeaf1ff7b5ceca249);
    keccak_f1600(state);
    CHECK(state[0] == 0x2d5c954df96ecb3c && state[1] == 0x6a332cd07057b56d && state[24] == 0x20d06cd26a8fbf5c);
}

static void knows_merlins_own_vector(void) {
    static const unsigned char expected[32] = {0xd5, 0xa2, 0x19, 0x72, 0xd0, 0xd5, 0xfe, 0x32, 0x0c, 0x0d, 0x26,
                                               0x3f, 0xac, 0x7f, 0xff, 0xb8, 0x14, 0x5a, 0xa6, 0x40, 0xaf, 0x6e,
                                               0x9b, 0xca, 0x17, 0x7c, 0x03, 0xc7, 0xef, 0xcf, 0x06, 0x15};
    unsigned char challenge[32];
    struct transcript transcript;
    transcript_init(&transcript, SLICE("test protocol"));
    transcript_append(&transcript, SLICE("some label"), SLICE("some data"));
    transcript_challenge(&transcript, SLICE("challenge"), challenge, sizeof(challenge));
    CHECK(memcmp(challenge, expected, sizeof(expected)) == 0);
}

static void agrees_with_the_wallets_around_the_rate(void) {
    struct arena arena;
    arena_init(&arena);
    for (const struct value *row = vectors_read(&arena, "transcripts")->first; row; row = row->next) {
        struct transcript transcript;
        transcript_init(&transcript, SLICE("moonlatch"));
        transcript_append(&transcript, SLICE("label"), vector_bytes(&arena, value_get_text(row, "message")));
        struct slice expected = vector_bytes(&arena, value_get_text(row, "challenge"));
        unsigned char challenge[200];
        transcript_challenge(&transcript, SLICE("c"), challenge, expected.len);
        CHECK(memcmp(challenge, expected.at, expected.len) == 0);
    }
    arena_free(&arena);
}

int main(void) {
    RUN(permutes_as_keccak_does);
    RUN(knows_merlins_own_vector);
    RUN(agrees_with_the_wallets_around_the_rate);
    return unit_end();
}
