#include "../../engine/crypto/ss58.c"

#include "../unit/unit.h"
#include "vectors.h"

static void agrees_with_the_wallets(void) {
    struct arena arena;
    arena_init(&arena);
    for (const struct value *row = vectors_read(&arena, "addresses")->first; row; row = row->next) {
        struct slice address = value_get_text(row, "address"),
                     key = vector_bytes(&arena, value_get_text(row, "publicKey"));
        unsigned char decoded[SS58_KEY_SIZE];
        char text[SS58_TEXT_MAX + 1];
        CHECK(ss58_decode(address, decoded) && memcmp(decoded, key.at, SS58_KEY_SIZE) == 0);
        ss58_encode((unsigned)value_get(row, "prefix")->integer, (const unsigned char *)key.at, text);
        CHECK(slice_is(address, text));
    }
    arena_free(&arena);
}

static void refuses_what_is_no_account(void) {
    struct arena arena;
    arena_init(&arena);
    for (const struct value *row = vectors_read(&arena, "refusedAddresses")->first; row; row = row->next) {
        unsigned char key[SS58_KEY_SIZE];
        bool is_refused = !ss58_decode(value_get_text(row, "address"), key);
        if (!is_refused)
            printf("# accepted: %.*s\n", SLICE_ARG(value_get_text(row, "why")));
        CHECK(is_refused);
    }
    unsigned char key[SS58_KEY_SIZE];
    CHECK(!ss58_decode(SLICE_NONE, key));
    CHECK(!ss58_decode(SLICE("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQ\0"), key));
    arena_free(&arena);
}

/* A NUL read as the digit 58 would let "x, NUL" stand for "x + 1, 1". */
static void a_nul_is_no_digit(void) {
    struct arena arena;
    size_t tried = 0;
    arena_init(&arena);
    for (const struct value *row = vectors_read(&arena, "addresses")->first; row; row = row->next) {
        struct slice address = value_get_text(row, "address");
        for (size_t at = 1; at < address.len; at++) {
            unsigned char key[SS58_KEY_SIZE];
            char text[SS58_TEXT_MAX];
            if (address.at[at] != '1' || address.at[at - 1] == '1')
                continue;
            memcpy(text, address.at, address.len);
            text[at - 1] = strchr(base58, text[at - 1])[-1];
            text[at] = '\0';
            CHECK(!ss58_decode((struct slice){text, address.len}, key));
            tried++;
        }
    }
    CHECK(tried > 5);
    arena_free(&arena);
}

static void every_prefix_comes_back(void) {
    unsigned char key[SS58_KEY_SIZE], decoded[SS58_KEY_SIZE];
    char text[SS58_TEXT_MAX + 1];
    for (int i = 0; i < SS58_KEY_SIZE; i++)
        key[i] = (unsigned char)(7 * i);
    for (unsigned prefix = 0; prefix <= PREFIX_MAX; prefix++) {
        bool is_reserved = prefix == 46 || prefix == 47;
        ss58_encode(prefix, key, text);
        CHECK(ss58_decode(slice_of(text), decoded) == !is_reserved);
        CHECK(is_reserved || memcmp(key, decoded, sizeof(key)) == 0);
    }
}

/* Two bytes of checksum let 1 in 65,536 through; none of these is one. */
static void every_changed_character_is_seen(void) {
    const char good[] = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    for (size_t at = 0; at + 1 < sizeof(good); at++)
        for (const char *c = base58; *c; c++) {
            char text[sizeof(good)];
            unsigned char key[SS58_KEY_SIZE];
            memcpy(text, good, sizeof(good));
            text[at] = *c;
            CHECK(ss58_decode(slice_of(text), key) == (*c == good[at]));
        }
}

int main(void) {
    RUN(agrees_with_the_wallets);
    RUN(refuses_what_is_no_account);
    RUN(a_nul_is_no_digit);
    RUN(every_prefix_comes_back);
    RUN(every_changed_character_is_seen);
    return unit_end();
}
