#include "../../engine/crypto/seal.c"

#include "../unit/unit.h"
#include "crypto/code.h"
#include "vectors.h"

static struct arena arena;
static struct keyring *keyring;

static void what_is_sealed_comes_back(void) {
    char bytes[3000];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(31 * i);
    for (size_t len = 0; len <= sizeof(bytes); len = 2 * len + 1) {
        struct slice plain = {bytes, len}, sealed = seal(&arena, keyring, KEY_CONSENT, plain);
        struct slice opened = unseal(&arena, keyring, KEY_CONSENT, sealed);
        CHECK(slice_is_set(opened) && slice_equal(opened, plain));
        CHECK(len < 16 || !memmem(sealed.at, sealed.len, bytes, len));
        for (size_t i = 0; i < sealed.len; i++)
            CHECK(sealed.at[i] == '-' || sealed.at[i] == '_' ||
                  (sealed.at[i] > 0 &&
                   strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", sealed.at[i])));
    }
    CHECK(slice_is_set(unseal(&arena, keyring, KEY_CODE, seal(&arena, keyring, KEY_CODE, SLICE_NONE))));
}

static void is_never_the_same_twice(void) {
    struct slice plain = SLICE("the same");
    CHECK(!slice_equal(seal(&arena, keyring, KEY_CODE, plain), seal(&arena, keyring, KEY_CODE, plain)));
}

static void opens_for_its_purpose_only(void) {
    for (int made = 0; made < KEY_PURPOSES; made++) {
        struct slice sealed = seal(&arena, keyring, (enum key_purpose)made, SLICE("what"));
        for (int used = 0; used < KEY_PURPOSES; used++)
            CHECK(slice_is_set(unseal(&arena, keyring, (enum key_purpose)used, sealed)) == (made == used));
    }
}

static void opens_with_its_secret_only(void) {
    struct keyring *other = keyring_of(2), *same = keyring_of(1);
    struct slice sealed = seal(&arena, keyring, KEY_CODE, SLICE("what"));
    CHECK(!slice_is_set(unseal(&arena, other, KEY_CODE, sealed)));
    CHECK(slice_is(unseal(&arena, same, KEY_CODE, sealed), "what"));
    keyring_close(other);
    keyring_close(same);
}

static void every_changed_character_is_seen(void) {
    struct slice sealed = seal(&arena, keyring, KEY_CODE, SLICE("a grant"));
    char *text = arena_alloc(&arena, sealed.len);
    memcpy(text, sealed.at, sealed.len);
    for (size_t at = 0; at < sealed.len; at++)
        for (int byte = 0; byte < 256; byte++) {
            text[at] = (char)byte;
            bool is_open = slice_is_set(unseal(&arena, keyring, KEY_CODE, (struct slice){text, sealed.len}));
            CHECK(is_open == ((char)byte == sealed.at[at]));
            text[at] = sealed.at[at];
        }
}

static void refuses_other_lengths(void) {
    struct slice sealed = seal(&arena, keyring, KEY_CODE, SLICE("a grant"));
    for (size_t len = 0; len < sealed.len; len++)
        CHECK(!slice_is_set(unseal(&arena, keyring, KEY_CODE, (struct slice){sealed.at, len})));
    CHECK(!slice_is_set(unseal(&arena, keyring, KEY_CODE, arena_printf(&arena, "%.*sAAAA", SLICE_ARG(sealed)))));
    CHECK(!slice_is_set(unseal(&arena, keyring, KEY_CODE, SLICE_NONE)));
}

static void codes_come_back(void) {
    struct code opened,
        code = {SLICE("0123456789012345678901"), SLICE("0190a7f4-1b2c-7def-8123-456789abcdef"), 4102444800};
    struct slice text = code_seal(&arena, keyring, KEY_DEVICE, &code);
    CHECK(text.len <= 512);
    CHECK(code_open(&arena, keyring, KEY_DEVICE, text, &opened));
    CHECK(slice_equal(opened.id, code.id) && slice_equal(opened.app_id, code.app_id));
    CHECK(opened.expires_at_s == code.expires_at_s);
    CHECK(!code_open(&arena, keyring, KEY_CODE, text, &opened));
    CHECK(!code_open(&arena, keyring, KEY_DEVICE, slice_from(text, 1), &opened));
    CHECK(!code_open(&arena, keyring, KEY_DEVICE, SLICE_NONE, &opened));
    CHECK(!code_open(&arena, keyring, KEY_DEVICE, seal(&arena, keyring, KEY_CONSENT, SLICE("a b 1")), &opened));
}

int main(void) {
    CHECK(sodium_init() >= 0);
    arena_init(&arena);
    keyring = keyring_of(1);
    RUN(what_is_sealed_comes_back);
    RUN(is_never_the_same_twice);
    RUN(opens_for_its_purpose_only);
    RUN(opens_with_its_secret_only);
    RUN(every_changed_character_is_seen);
    RUN(refuses_other_lengths);
    RUN(codes_come_back);
    keyring_close(keyring);
    arena_free(&arena);
    return unit_end();
}
