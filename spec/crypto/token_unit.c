#include "../../engine/crypto/token.c"

#include "../unit/unit.h"
#include "vectors.h"

#include <sodium.h>

static struct arena arena;
static struct keyring *keyring;

/* By Python's zlib.crc32. */
static void the_check_is_crc32_in_base62(void) {
    struct token_claim claim;
    CHECK(token_parse(SLICE("cak_0000000000000000000000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA4SKfyQ"), &claim));
    CHECK(!token_parse(SLICE("cak_0000000000000000000000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB4SKfyQ"), &claim));
}

static void has_the_contracts_form(void) {
    static const char *const names[] = {"cak_", "crt_", "cpk_", "cst_"};
    for (int kind = 0; kind < KINDS; kind++) {
        struct token token;
        struct token_claim claim;
        token_mint(keyring, (enum token_kind)kind, &token);
        struct slice text = slice_of(token.text);
        CHECK(text.len == 4 + 22 + 1 + 43 + 6 && text.len == TOKEN_LEN);
        CHECK(slice_starts(text, names[kind]) && text.at[26] == '.');
        CHECK(token_parse(text, &claim) && claim.kind == (enum token_kind)kind);
        CHECK(slice_is(claim.id, token.id) && claim.id.at == text.at + 4);
        CHECK(claim.secret.at == text.at + 27 && claim.secret.len == 43);
        CHECK(secret_matches(keyring, claim.secret, (struct slice){(const char *)token.hash, SECRET_HASH_SIZE}));
    }
}

static void every_changed_character_is_seen(void) {
    struct token token;
    struct token_claim claim;
    token_mint(keyring, TOKEN_ACCESS, &token);
    for (size_t at = 0; at < TOKEN_LEN; at++) {
        char before = token.text[at];
        for (int byte = 0; byte < 256; byte++) {
            token.text[at] = (char)byte;
            CHECK(token_parse((struct slice){token.text, TOKEN_LEN}, &claim) == ((char)byte == before));
        }
        token.text[at] = before;
    }
}

/* As a user of the house would: with a right check. */
static bool is_accepted(char text[TOKEN_LEN + 1]) {
    struct token_claim claim;
    check_write(text, text + CHECK_AT);
    return token_parse((struct slice){text, TOKEN_LEN}, &claim);
}

static void a_right_check_does_not_excuse_a_wrong_form(void) {
    struct token token, spoilt;
    token_mint(keyring, TOKEN_REFRESH, &token);
    CHECK(is_accepted(token.text));
    const struct {
        size_t at;
        char byte;
    } spoils[] = {{0, 'C'},  {1, 'x'},  {3, '-'},  {3, '.'},  {4, '_'},   {25, '-'},
                  {26, '_'}, {26, 'a'}, {27, '.'}, {27, ' '}, {69, '\0'}, {69, '\x80'},
                  {50, '/'}, {50, ':'}, {50, '@'}, {50, '['}, {50, '`'},  {50, '{'}};
    for (size_t i = 0; i < sizeof(spoils) / sizeof(*spoils); i++) {
        spoilt = token;
        spoilt.text[spoils[i].at] = spoils[i].byte;
        CHECK(!is_accepted(spoilt.text));
    }
}

static void refuses_other_lengths(void) {
    struct token token;
    struct token_claim claim;
    char longer[TOKEN_LEN + 2];
    token_mint(keyring, TOKEN_ACCESS, &token);
    snprintf(longer, sizeof(longer), "%sa", token.text);
    for (size_t len = 0; len <= TOKEN_LEN + 1; len++)
        CHECK(token_parse((struct slice){longer, len}, &claim) == (len == TOKEN_LEN));
    CHECK(!token_parse(SLICE_NONE, &claim));
}

static int by_id(const void *a, const void *b) {
    return memcmp(((const struct token *)a)->id, ((const struct token *)b)->id, KEY_ID_LEN);
}

static void no_two_are_alike(void) {
    enum { COUNT = 5000 };
    struct token *tokens = arena_alloc(&arena, COUNT * sizeof(*tokens));
    for (int i = 0; i < COUNT; i++)
        token_mint(keyring, TOKEN_ACCESS, &tokens[i]);
    qsort(tokens, COUNT, sizeof(*tokens), by_id);
    for (int i = 1; i < COUNT; i++) {
        CHECK(by_id(&tokens[i - 1], &tokens[i]) < 0);
        CHECK(memcmp(tokens[i - 1].text + SECRET_AT, tokens[i].text + SECRET_AT, TOKEN_SECRET_LEN) != 0);
        CHECK(memcmp(tokens[i - 1].hash, tokens[i].hash, SECRET_HASH_SIZE) != 0);
    }
}

static void hashes_are_keyed(void) {
    struct token token;
    struct token_claim claim;
    struct keyring *other = keyring_of(2), *same = keyring_of(1);
    token_mint(keyring, TOKEN_SESSION, &token);
    struct slice stored = {(const char *)token.hash, SECRET_HASH_SIZE};
    CHECK(token_parse(slice_of(token.text), &claim));
    CHECK(secret_matches(same, claim.secret, stored));
    CHECK(!secret_matches(other, claim.secret, stored));
    CHECK(!secret_matches(keyring, claim.id, stored));
    CHECK(!secret_matches(keyring, claim.secret, (struct slice){stored.at, SECRET_HASH_SIZE - 1}));
    CHECK(!secret_matches(keyring, claim.secret, SLICE_NONE));
    CHECK(!secret_matches(keyring, SLICE_NONE, stored));
    for (int bit = 0; bit < 8 * SECRET_HASH_SIZE; bit++) {
        token.hash[bit / 8] ^= (unsigned char)(1 << bit % 8);
        CHECK(!secret_matches(keyring, claim.secret, stored));
        token.hash[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    keyring_close(other);
    keyring_close(same);
}

static void compares_texts(void) {
    CHECK(secret_equal(SLICE("abc"), SLICE("abc")) && secret_equal(SLICE(""), SLICE_NONE));
    CHECK(!secret_equal(SLICE("abc"), SLICE("abd")) && !secret_equal(SLICE("abc"), SLICE("ab")));
    CHECK(!secret_equal(SLICE_NONE, SLICE("a")));
}

int main(void) {
    CHECK(sodium_init() >= 0);
    arena_init(&arena);
    keyring = keyring_of(1);
    RUN(the_check_is_crc32_in_base62);
    RUN(has_the_contracts_form);
    RUN(every_changed_character_is_seen);
    RUN(a_right_check_does_not_excuse_a_wrong_form);
    RUN(refuses_other_lengths);
    RUN(no_two_are_alike);
    RUN(hashes_are_keyed);
    RUN(compares_texts);
    keyring_close(keyring);
    arena_free(&arena);
    return unit_end();
}
