#include "../../engine/crypto/nonce.c"

#include "../unit/unit.h"
#include "vectors.h"

#include <ctype.h>

enum { NOW = 1795536000, LIFE = 300 };

static struct arena arena;
static struct keyring *keyring;

static bool is_valid_at(const char *text, int64_t now_s) {
    int64_t expires_at_s;
    return nonce_is_valid(keyring, KEY_NONCE, slice_of(text), now_s, &expires_at_s);
}

static void looks_like_a_uuid(void) {
    char text[UUID_LEN + 1];
    for (int i = 0; i < 1000; i++) {
        nonce_mint(keyring, KEY_NONCE, NOW, text);
        CHECK(strlen(text) == UUID_LEN && text[14] == '4' && strchr("89ab", text[19]));
        CHECK(text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-');
        CHECK(strspn(text, "0123456789abcdef-") == UUID_LEN);
    }
}

static void is_good_until_it_expires(void) {
    char text[UUID_LEN + 1];
    for (int i = 0; i < 100; i++) {
        int64_t expires_at_s = 0;
        nonce_mint(keyring, KEY_NONCE, NOW + LIFE, text);
        CHECK(nonce_is_valid(keyring, KEY_NONCE, slice_of(text), NOW, &expires_at_s) && expires_at_s == NOW + LIFE);
        CHECK(is_valid_at(text, NOW + LIFE - 1));
        CHECK(!is_valid_at(text, NOW + LIFE));
        CHECK(!is_valid_at(text, NOW + LIFE + 1));
        CHECK(!is_valid_at(text, NOW + 365 * 86400));
    }
}

static void does_not_rise_again_when_its_bits_come_round(void) {
    const int64_t round_s = (int64_t)1 << EXPIRY_BITS;
    char text[UUID_LEN + 1];
    nonce_mint(keyring, KEY_NONCE, NOW + LIFE, text);
    for (int64_t turn = 1; turn < 5; turn++) {
        CHECK(!is_valid_at(text, NOW + turn * round_s));
        CHECK(!is_valid_at(text, NOW + LIFE - 1 + turn * round_s));
        CHECK(!is_valid_at(text, NOW - turn * round_s));
    }
}

/* The last second of one round of 2^28, and the first of the next. */
static void is_good_across_a_round(void) {
    const int64_t edge = (NOW | expiry_mask) + 1;
    char text[UUID_LEN + 1];
    for (int64_t expires_at_s = edge - 2; expires_at_s < edge + 3; expires_at_s++) {
        nonce_mint(keyring, KEY_NONCE, expires_at_s, text);
        CHECK(is_valid_at(text, expires_at_s - 10) && is_valid_at(text, expires_at_s - 1));
        CHECK(!is_valid_at(text, expires_at_s) && !is_valid_at(text, expires_at_s + 1));
    }
}

static void a_forgery_is_refused(void) {
    char text[UUID_LEN + 1], spoilt[UUID_LEN + 1];
    nonce_mint(keyring, KEY_NONCE, NOW + LIFE, text);
    for (int at = 0; at < UUID_LEN; at++)
        for (int byte = 0; byte < 256; byte++) {
            int64_t expires_at_s;
            memcpy(spoilt, text, sizeof(text));
            spoilt[at] = (char)byte;
            CHECK(nonce_is_valid(keyring, KEY_NONCE, (struct slice){spoilt, UUID_LEN}, NOW, &expires_at_s) ==
                  (spoilt[at] == text[at]));
        }
    for (int i = 0; i < 10000; i++) {
        uuid_random(spoilt);
        CHECK(!is_valid_at(spoilt, NOW));
    }
}

static void another_secret_refuses_it(void) {
    struct keyring *other = keyring_of(2), *same = keyring_of(1);
    char text[UUID_LEN + 1];
    int64_t expires_at_s;
    nonce_mint(keyring, KEY_NONCE, NOW + LIFE, text);
    CHECK(!nonce_is_valid(other, KEY_NONCE, slice_of(text), NOW, &expires_at_s));
    CHECK(nonce_is_valid(same, KEY_NONCE, slice_of(text), NOW, &expires_at_s));
    keyring_close(other);
    keyring_close(same);
}

static void has_one_spelling(void) {
    char text[UUID_LEN + 1], upper[UUID_LEN + 1], longer[UUID_LEN + 2];
    do
        nonce_mint(keyring, KEY_NONCE, NOW + LIFE, text);
    while (!strpbrk(text, "abcdef"));
    for (int i = 0; i <= UUID_LEN; i++)
        upper[i] = (char)toupper((unsigned char)text[i]);
    snprintf(longer, sizeof(longer), "%s ", text);
    CHECK(is_valid_at(text, NOW) && !is_valid_at(upper, NOW) && !is_valid_at(longer, NOW));
    CHECK(!is_valid_at(text + 1, NOW) && !is_valid_at("", NOW) && !is_valid_at(NULL, NOW));
    /* hex_decode would take an 0x */
    CHECK(!is_valid_at("0x123456-1234-4234-8234-123456789abc", NOW));
}

static void no_two_are_alike(void) {
    char text[UUID_LEN + 1], other[UUID_LEN + 1];
    for (int i = 0; i < 1000; i++) {
        nonce_mint(keyring, KEY_NONCE, NOW, text);
        nonce_mint(keyring, KEY_NONCE, NOW, other);
        CHECK(strcmp(text, other) != 0 && strncmp(text + 24, other + 24, 12) != 0);
    }
}

int main(void) {
    CHECK(sodium_init() >= 0);
    arena_init(&arena);
    keyring = keyring_of(1);
    RUN(looks_like_a_uuid);
    RUN(is_good_until_it_expires);
    RUN(does_not_rise_again_when_its_bits_come_round);
    RUN(is_good_across_a_round);
    RUN(a_forgery_is_refused);
    RUN(another_secret_refuses_it);
    RUN(has_one_spelling);
    RUN(no_two_are_alike);
    keyring_close(keyring);
    arena_free(&arena);
    return unit_end();
}
