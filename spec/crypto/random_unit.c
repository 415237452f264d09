#include "../../engine/crypto/random.c"

#include "../unit/unit.h"

static void keeps_to_its_alphabet_and_length(void) {
    char text[101];
    for (size_t len = 0; len <= 100; len++) {
        memset(text, '!', sizeof(text));
        random_base62(text, len);
        CHECK(strlen(text) == len && strspn(text, base62) == len);
    }
}

/* 62 · 4000 draws: each character 4000 times, ± 6 standard deviations (379). */
static void favours_no_character(void) {
    static char text[62 * 4000 + 1];
    int counts[256] = {0};
    random_base62(text, sizeof(text) - 1);
    for (const char *c = text; *c; c++)
        counts[(unsigned char)*c]++;
    for (const char *c = base62; *c; c++)
        CHECK(counts[(unsigned char)*c] > 4000 - 379 && counts[(unsigned char)*c] < 4000 + 379);
}

static bool is_uuid(const char *text, char version) {
    for (int i = 0; i < UUID_LEN; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text[i] != '-' : !text[i] || !strchr("0123456789abcdef", text[i]))
            return false;
    }
    return text[UUID_LEN] == '\0' && text[14] == version && strchr("89ab", text[19]);
}

static void uuids_have_their_shape(void) {
    char text[UUID_LEN + 1], other[UUID_LEN + 1];
    for (int i = 0; i < 1000; i++) {
        uuid_random(text);
        uuid_random(other);
        CHECK(is_uuid(text, '4') && strcmp(text, other) != 0);
        uuid_timed(text);
        CHECK(is_uuid(text, '7') && strcmp(text, other) != 0);
    }
}

static void timed_uuids_say_when(void) {
    char text[UUID_LEN + 1];
    unsigned high, low;
    int64_t before_s = clock_now_s();
    uuid_timed(text);
    CHECK(sscanf(text, "%8x-%4x", &high, &low) == 2);
    int64_t at_s = ((int64_t)high << 16 | low) / 1000;
    CHECK(at_s >= before_s && at_s <= clock_now_s());
}

static void key_ids_begin_with_time(void) {
    char id[KEY_ID_LEN + 1], other[KEY_ID_LEN + 1];
    int64_t at_s = 0, before_s = clock_now_s();
    key_id_mint(id);
    key_id_mint(other);
    CHECK(strlen(id) == KEY_ID_LEN && strspn(id, base62) == KEY_ID_LEN && strcmp(id, other) != 0);
    for (int i = 0; i < TIME_LEN; i++)
        at_s = 62 * at_s + (strchr(base62, id[i]) - base62);
    CHECK(at_s >= before_s && at_s <= clock_now_s());
    CHECK(strcmp(base62, "0") > 0);
    for (const char *c = base62; c[1]; c++)
        CHECK(c[0] < c[1]); /* so ids sort as their times do */
}

static void names_have_their_form(void) {
    char id[CLIENT_ID_LEN + 1], secret[CLIENT_SECRET_LEN + 1], fingerprint[FINGERPRINT_LEN + 1],
        user_code[USER_CODE_LEN + 1];
    client_id_mint(id);
    client_secret_mint(secret);
    fingerprint_mint(fingerprint);
    user_code_mint(user_code);
    CHECK(strncmp(id, "cid_", 4) == 0 && strlen(id) == 28);
    CHECK(strspn(id + 4, "0123456789abcdefghijklmnopqrstuvwxyz") == 24);
    CHECK(strncmp(secret, "csc_", 4) == 0 && strlen(secret) == 52 && strspn(secret + 4, base62) == 48);
    CHECK(strlen(fingerprint) == 32 && strspn(fingerprint, base62) == 32);
    CHECK(strlen(user_code) == 9 && strspn(user_code, USER_CODE_LETTERS) == 4 && user_code[4] == '-');
    CHECK(strspn(user_code + 5, USER_CODE_LETTERS) == 4);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    RUN(keeps_to_its_alphabet_and_length);
    RUN(favours_no_character);
    RUN(uuids_have_their_shape);
    RUN(timed_uuids_say_when);
    RUN(key_ids_begin_with_time);
    RUN(names_have_their_form);
    return unit_end();
}
