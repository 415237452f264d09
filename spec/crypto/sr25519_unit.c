#include "../../engine/crypto/sr25519.c"

#include "../unit/unit.h"
#include "vectors.h"

static const char *const verdicts[] = {
    [WALLET_OK] = "ok",
    [WALLET_BAD_HOTKEY] = "bad_hotkey",
    [WALLET_NO_SIGNATURE] = "bad_signature",
    [WALLET_BAD_SIGNATURE] = "bad_signature",
    [WALLET_OTHER_SCHEME] = "other_scheme",
};

static enum wallet_verdict verdict_of(struct arena *arena, const struct value *row, unsigned char *key) {
    return wallet_verify(value_get_text(row, "address"), vector_bytes(arena, value_get_text(row, "message")),
                         value_get_text(row, "signature"), key);
}

static void agrees_with_the_wallets(void) {
    struct arena arena;
    arena_init(&arena);
    size_t seen[5] = {0};
    for (const struct value *row = vectors_read(&arena, "signatures")->first; row; row = row->next) {
        unsigned char key[SR25519_KEY_SIZE];
        enum wallet_verdict verdict = verdict_of(&arena, row, key);
        bool is_expected = slice_is(value_get_text(row, "verdict"), verdicts[verdict]);
        if (!is_expected)
            printf("# %s: %.*s\n", verdicts[verdict], SLICE_ARG(value_get_text(row, "why")));
        CHECK(is_expected);
        seen[verdict]++;
    }
    CHECK(seen[WALLET_OK] > 80 && seen[WALLET_BAD_HOTKEY] > 30);
    CHECK(seen[WALLET_BAD_SIGNATURE] + seen[WALLET_NO_SIGNATURE] > 80 && seen[WALLET_NO_SIGNATURE] > 5);
    CHECK(seen[WALLET_BAD_SIGNATURE] > 70 && seen[WALLET_OTHER_SCHEME] > 10);
    arena_free(&arena);
}

static void a_wrapped_signature_is_good_for_the_wrapped_text_only(void) {
    struct arena arena;
    arena_init(&arena);
    for (const struct value *row = vectors_read(&arena, "signatures")->first; row; row = row->next) {
        unsigned char key[SR25519_KEY_SIZE], signature[SR25519_SIGNATURE_SIZE];
        if (verdict_of(&arena, row, key) != WALLET_OK)
            continue;
        CHECK(signature_read(value_get_text(row, "signature"), signature) == WALLET_OK);
        struct slice message = vector_bytes(&arena, value_get_text(row, "message"));
        CHECK(sr25519_verify(key, message, signature) == !value_get(row, "wrapped")->boolean);
    }
    arena_free(&arena);
}

/* The vector "36 bytes": its parts, to be spoilt. */
static void example(struct arena *arena, unsigned char *key, unsigned char *message, unsigned char *signature) {
    const struct value *row = vectors_read(arena, "signatures")->first;
    while (!slice_is(value_get_text(row, "why"), "36 bytes"))
        row = row->next;
    CHECK(ss58_decode(value_get_text(row, "address"), key));
    CHECK(hex_decode(value_get_text(row, "message"), message, 36));
    CHECK(hex_decode(value_get_text(row, "signature"), signature, SR25519_SIGNATURE_SIZE));
}

static void every_single_bit_matters(void) {
    struct arena arena;
    unsigned char key[SR25519_KEY_SIZE], message[36], signature[SR25519_SIGNATURE_SIZE];
    arena_init(&arena);
    example(&arena, key, message, signature);
    const struct {
        unsigned char *at;
        size_t size;
    } regions[] = {{key, sizeof(key)}, {message, sizeof(message)}, {signature, sizeof(signature)}};
    for (size_t i = 0; i < 3; i++)
        for (size_t bit = 0; bit < 8 * regions[i].size; bit++) {
            regions[i].at[bit / 8] ^= (unsigned char)(1 << bit % 8);
            CHECK(!sr25519_verify(key, slice_at(message, sizeof(message)), signature));
            regions[i].at[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
    CHECK(sr25519_verify(key, slice_at(message, sizeof(message)), signature));
    arena_free(&arena);
}

static void absent_texts_are_refused(void) {
    unsigned char key[SR25519_KEY_SIZE];
    const struct slice address = SLICE("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
    CHECK(wallet_verify(SLICE_NONE, SLICE("x"), SLICE_NONE, key) == WALLET_BAD_HOTKEY);
    CHECK(wallet_verify(address, SLICE("x"), SLICE_NONE, key) == WALLET_NO_SIGNATURE);
    CHECK(wallet_verify(address, SLICE_NONE, SLICE(""), key) == WALLET_NO_SIGNATURE);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    RUN(agrees_with_the_wallets);
    RUN(a_wrapped_signature_is_good_for_the_wrapped_text_only);
    RUN(every_single_bit_matters);
    RUN(absent_texts_are_refused);
    return unit_end();
}
