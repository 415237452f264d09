#include "../../engine/crypto/cbor.c"

#include "../unit/unit.h"

#include <stdlib.h>

/* Whether it is one item and nothing behind it. */
static bool reads(const char *bytes, size_t len, struct cbor *item) {
    struct slice rest = {bytes, len};
    return cbor_read(&rest, item) && rest.len == 0;
}
#define READS(bytes, item) reads(bytes, sizeof(bytes) - 1, item)

static void reads_the_examples_of_the_rfc(void) { /* RFC 8949, appendix A */
    struct cbor item;
    CHECK(READS("\x00", &item) && item.kind == CBOR_UNSIGNED && item.number == 0);
    CHECK(READS("\x17", &item) && item.number == 23);
    CHECK(READS("\x18\x18", &item) && item.number == 24);
    CHECK(READS("\x19\x03\xe8", &item) && item.number == 1000);
    CHECK(READS("\x1a\x00\x0f\x42\x40", &item) && item.number == 1000000);
    CHECK(READS("\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00", &item) && item.number == 1000000000000);
    CHECK(READS("\x20", &item) && item.kind == CBOR_NEGATIVE && item.number == -1);
    CHECK(READS("\x39\x03\xe7", &item) && item.number == -1000);
    CHECK(READS("\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", &item) && item.number == INT64_MIN);
    CHECK(READS("\x44\x01\x02\x03\x04", &item) && item.kind == CBOR_BYTES && slice_is(item.bytes, "\1\2\3\4"));
    CHECK(READS("\x40", &item) && item.bytes.len == 0);
    CHECK(READS("\x64IETF", &item) && item.kind == CBOR_TEXT && slice_is(item.bytes, "IETF"));
    CHECK(READS("\x83\x01\x82\x02\x03\x82\x04\x05", &item) && item.kind == CBOR_LIST && item.number == 3);
    CHECK(READS("\xa2\x61\x61\x01\x61\x62\x82\x02\x03", &item) && item.kind == CBOR_MAP && item.number == 2);
    CHECK(READS("\xc1\x1a\x51\x4b\x67\xb0", &item) && item.kind == CBOR_TAG);
    CHECK(READS("\xf4", &item) && READS("\xf6", &item) && READS("\xf8\xff", &item) && item.kind == CBOR_SIMPLE);
    CHECK(READS("\xf9\x3c\x00", &item) && READS("\xfb\xc0\x10\x66\x66\x66\x66\x66\x66", &item));
}

static void refuses_what_is_not_whole_or_not_definite(void) {
    struct cbor item;
    static const struct slice wrong[] = {
        {"", 0},
        {"\x18", 1},
        {"\x19\x01", 2},
        {"\x1b\x01\x01\x01\x01\x01\x01\x01", 8},
        {"\x1c", 1},
        {"\x1d", 1},
        {"\x1e", 1},
        {"\x1f", 1},
        {"\x44"
         "abc",
         4},
        {"\x81", 1},
        {"\xa1\x01", 2},
        {"\xc1", 1},
        {"\x5f\x41"
         "a\xff",
         4},
        {"\x9f\xff", 2},
        {"\xbf\xff", 2},
        {"\xff", 1},
        {"\x1b\x80\0\0\0\0\0\0\0", 9},
        {"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", 9},
        {"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff"
         "a",
         10},
        {"\x5b\xff\xff\xff\xff\xff\xff\xff\xff"
         "a",
         10},
        {"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff\x01", 10},
        {"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x01", 11},
    };
    char reserved[64] = {0x1c}; /* also where bytes enough follow */
    for (char first = 0x1c; first <= 0x1f; first++) {
        reserved[0] = first;
        struct slice rest = {reserved, sizeof(reserved)};
        CHECK(!cbor_read(&rest, &item));
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct slice rest = wrong[i];
        CHECK(!cbor_read(&rest, &item));
    }
}

static void goes_so_deep_and_no_deeper(void) {
    struct cbor item;
    char nested[CBOR_DEPTH_MAX + 1];
    memset(nested, 0x81, sizeof(nested));
    nested[CBOR_DEPTH_MAX - 1] = 0x01;
    CHECK(reads(nested, CBOR_DEPTH_MAX, &item));
    nested[CBOR_DEPTH_MAX - 1] = (char)0x81;
    nested[CBOR_DEPTH_MAX] = 0x01;
    CHECK(!reads(nested, CBOR_DEPTH_MAX + 1, &item));
    nested[CBOR_DEPTH_MAX - 1] = (char)0x80; /* an empty one is as deep as a number */
    CHECK(reads(nested, CBOR_DEPTH_MAX, &item));
    size_t len = 1000000;
    char *deep = malloc(len);
    memset(deep, 0xc1, len);
    CHECK(!reads(deep, len, &item));
    free(deep);
}

static void finds_members_of_maps(void) {
    struct cbor_member wanted[] = {{.name = "a"}, {.number = -2}, {.number = 1}};
    struct slice rest = SLICE("\xa4\x61"
                              "a\x41x\x21\x05\x41"
                              "a\x06\x82\x01\x01\x07rest");
    CHECK(cbor_read_map(&rest, wanted, 3) && slice_is(rest, "rest"));
    CHECK(wanted[0].is_there && slice_is(wanted[0].value.bytes, "x")); /* not the one that bytes name */
    CHECK(wanted[1].is_there && wanted[1].value.number == 5 && !wanted[2].is_there);
    struct cbor_member one[] = {{.number = 1}};
    rest = SLICE("\xa2\x01\x05\x01\x06");
    CHECK(!cbor_read_map(&rest, one, 1)); /* which of them? */
    rest = SLICE("\x81\x01");
    CHECK(!cbor_read_map(&rest, one, 1));
    rest = SLICE("\xa1\x01");
    CHECK(!cbor_read_map(&rest, one, 1));
}

int main(void) {
    RUN(reads_the_examples_of_the_rfc);
    RUN(refuses_what_is_not_whole_or_not_definite);
    RUN(goes_so_deep_and_no_deeper);
    RUN(finds_members_of_maps);
    return unit_end();
}
