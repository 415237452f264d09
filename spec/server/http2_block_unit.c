/* Header blocks, in pieces (http2_block.h). fuzz/hpack_fuzz compares with libh2o's own decoder. */
#include "../../engine/server/http2_block.c"

#include "../unit/unit.h"
#include "base/slice.h"

/* How many fields there are, read in pieces of every size; all must agree. 9999: they do not, or the block is not
 * whole. */
static size_t fields_of(struct slice block) {
    size_t fields = 9999;
    for (size_t size = 1; size <= block.len; size++) {
        struct http2_block got = {0};
        for (size_t at = 0; at < block.len; at += size)
            http2_block_read(&got, (const unsigned char *)block.at + at, block.len - at < size ? block.len - at : size);
        if (got.state != BLOCK_FIELD || got.integer_bytes || (size > 1 && got.fields != fields))
            return 9999;
        fields = got.fields;
    }
    return fields;
}

static void counts_fields_of_each_kind(void) {
    CHECK(fields_of(SLICE("\x82\x84\xbe\xbe\xbe")) == 5);
    CHECK(fields_of(SLICE("\xff\x00\xff\x80\x80\x80\x01")) == 2); /* long indexes */
    CHECK(fields_of(SLICE("\x40\x01"
                          "a\x02"
                          "bc\x41\x00\x7f\x01\x01x")) == 3); /* indexed: new name, known ones */
    CHECK(fields_of(SLICE("\x00\x01"
                          "a\x02"
                          "bc\x04\x00\x0f\x01\x01x")) == 3);          /* not indexed */
    CHECK(fields_of(SLICE("\x10\x81\xff\x81\xff\x1f\x00\x00")) == 2); /* never indexed, Huffman */
    CHECK(fields_of(SLICE("\x20\x3f\xe1\x1f\x82")) == 3);             /* sizes of the table count, too */
}

static bool is_malformed(struct slice block) {
    struct http2_block whole = {0}, bytes = {0};
    http2_block_read(&whole, (const unsigned char *)block.at, block.len);
    for (size_t at = 0; at < block.len; at++)
        http2_block_read(&bytes, (const unsigned char *)block.at + at, 1);
    CHECK(whole.is_malformed == bytes.is_malformed);
    return whole.is_malformed;
}

static void sees_what_is_malformed(void) {
    CHECK(!is_malformed(SLICE("\x82\x86\x84\x41\x01x\x90"))); /* method, scheme, path, authority, another */
    CHECK(is_malformed(SLICE("\x82\x86\x90\x84")));           /* path behind another */
    CHECK(is_malformed(SLICE("\x82\x83\x86\x84")));           /* two methods */
    CHECK(is_malformed(SLICE("\x82\x86\x84\x88")));           /* :status */
    CHECK(!is_malformed(SLICE("\x00\x07:method\x03GET\x86\x84")));
    CHECK(is_malformed(SLICE("\x82\x00\x07:method\x03GET\x86\x84")));
    CHECK(is_malformed(SLICE("\x82\x86\x84\x00\x04:foo\x01x")));
    CHECK(is_malformed(SLICE("\x82\x86\x84\x00\x01X\x01x")));                /* a capital in a name */
    CHECK(!is_malformed(SLICE("\x82\x86\x84\x00\x01x\x01X")));               /* in a value */
    CHECK(is_malformed(SLICE("\x82\x86\x90\x40\x84\xb9\x58\xd3\x3f\x01/"))); /* ":path" in Huffman's code */
    CHECK(!is_malformed(SLICE("\x82\x86\x84\xbe\xbf\x3f\xe1\x1f")));         /* the dynamic table; its size */
}

static void strings_are_skipped_by_their_length(void) {
    char block[400] = "\x00\x01"
                      "a\x7f\x81\x02"; /* 127 + 1 + 2 * 128 = 384 bytes: the indexed fields in it are none */
    memset(block + 6, '\xbe', 384);
    block[390] = '\x82';
    CHECK(fields_of((struct slice){block, 391}) == 2);
}

static void integers_have_an_end(void) {
    struct http2_block block = {0};
    http2_block_read(&block, (const unsigned char *)"\xff\x80\x80\x80\x80\x80\x82", 7);
    CHECK(block.state == BLOCK_MALFORMED && block.fields == 1);
    CHECK(fields_of(SLICE("\xff\x80\x80\x80\x01")) == 1);
    CHECK(fields_of(SLICE("\xff\x80\x80\x80\x80\x01")) == 9999);
}

int main(void) {
    RUN(counts_fields_of_each_kind);
    RUN(sees_what_is_malformed);
    RUN(strings_are_skipped_by_their_length);
    RUN(integers_have_an_end);
    return unit_end();
}
