#include "../../engine/crypto/hex.c"

#include "../unit/unit.h"

static struct arena arena;

static void hex_reads_exactly_the_size(void) {
    unsigned char out[3];
    CHECK(hex_decode(SLICE("00aBff"), out, 3) && out[0] == 0 && out[1] == 0xab && out[2] == 0xff);
    CHECK(hex_decode(SLICE("0x00aBff"), out, 3) && out[1] == 0xab);
    CHECK(hex_decode(SLICE(""), out, 0) && hex_decode(SLICE("0x"), out, 0));
    static const char *const bad[] = {"",           "0x",        "00aBf",  "00aBff0", "00aBff00", "0X00aBff",
                                      "0x0x00aBff", "00aBfg",    "g0aBff", " 0aBff",  "00aBf\n",  "-1aBff",
                                      "0xaBff",     "00aBf\x80", "00aB/:", "@Gg`00"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CHECK(!hex_decode(slice_of(bad[i]), out, 3));
    CHECK(!hex_decode(SLICE("00aBf\0"), out, 3));
    CHECK(!hex_decode(SLICE_NONE, out, 3));
}

static void hex_writes_lower_case(void) {
    CHECK(slice_is(hex_encode(&arena, SLICE("\x00\xab\xff")), "00abff"));
    CHECK(slice_is(hex_encode(&arena, SLICE("")), ""));
}

/* RFC 4648 §10. */
static const char *const rfc4648[][3] = {
    {"", "", ""},
    {"f", "Zg", "Zg=="},
    {"fo", "Zm8", "Zm8="},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg", "Zm9vYg=="},
    {"fooba", "Zm9vYmE", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
};

static void base64_knows_the_rfcs_vectors(void) {
    for (size_t i = 0; i < sizeof(rfc4648) / sizeof(*rfc4648); i++) {
        CHECK(slice_is(base64url_encode(&arena, slice_of(rfc4648[i][0])), rfc4648[i][1]));
        CHECK(slice_is(base64url_decode(&arena, slice_of(rfc4648[i][1])), rfc4648[i][0]));
        CHECK(slice_is(base64_decode(&arena, slice_of(rfc4648[i][2])), rfc4648[i][0]));
    }
    CHECK(slice_is(base64url_encode(&arena, SLICE("\xfb\xff\xfe")), "-__-"));
    CHECK(slice_is(base64url_decode(&arena, SLICE("-__-")), "\xfb\xff\xfe"));
    CHECK(slice_is(base64_decode(&arena, SLICE("+//+")), "\xfb\xff\xfe"));
}

static void base64url_refuses(void) {
    static const char *const bad[] = {"A",    "Zg==",  "Zg=",    "Zh", "Zm9",   "Zm9vA",
                                      "+//+", "Zm 9v", "Zm9v\n", "=",  "Zm9v.", "Zm\x80v"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CHECK(!slice_is_set(base64url_decode(&arena, slice_of(bad[i]))));
    CHECK(!slice_is_set(base64url_decode(&arena, SLICE("Zm9\0"))));
    CHECK(!slice_is_set(base64url_decode(&arena, SLICE_NONE)));
}

static void base64_refuses(void) {
    static const char *const bad[] = {
        "A", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "-__-", "Zm 9v", "Zm9v\n", "Zg==Zg==", "===="};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CHECK(!slice_is_set(base64_decode(&arena, slice_of(bad[i]))));
    CHECK(!slice_is_set(base64_decode(&arena, SLICE_NONE)));
}

/* In every place: 64 of the 256 bytes are digits. */
static void base64_takes_its_alphabet_only(void) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t at = 0; at < 8; at++)
        for (int byte = 0; byte < 256; byte++) {
            char text[] = "AAAAAAAA";
            text[at] = (char)byte;
            bool is_digit = byte && strchr(digits, byte);
            struct slice all = {text, 8};
            CHECK(slice_is_set(base64url_decode(&arena, all)) == (is_digit || byte == '-' || byte == '_'));
            CHECK(slice_is_set(base64_decode(&arena, all)) ==
                  (is_digit || byte == '+' || byte == '/' || (byte == '=' && at == 7)));
        }
}

static void every_byte_comes_back(void) {
    char bytes[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        struct slice all = {bytes, len};
        unsigned char out[256];
        CHECK(slice_equal(base64url_decode(&arena, base64url_encode(&arena, all)), all));
        CHECK(hex_decode(hex_encode(&arena, all), out, len) && memcmp(out, bytes, len) == 0);
    }
}

int main(void) {
    arena_init(&arena);
    RUN(hex_reads_exactly_the_size);
    RUN(hex_writes_lower_case);
    RUN(base64_knows_the_rfcs_vectors);
    RUN(base64url_refuses);
    RUN(base64_refuses);
    RUN(base64_takes_its_alphabet_only);
    RUN(every_byte_comes_back);
    arena_free(&arena);
    return unit_end();
}
