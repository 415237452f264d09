/* Header blocks (http2_block.h) beside libh2o's own decoder with its dynamic table, which goes from block to block: of
 * no block does it list more fields than were counted, and it takes none that was not read to its end. An input is
 * blocks, each behind a byte with its length (in fours). */
#include "fuzz.h"

#include "server/http2_internal.h"

static struct http2_block count(struct slice block, size_t step) {
    struct http2_block counted = {0};
    for (size_t at = 0; at < block.len; at += step)
        http2_block_read(&counted, (const unsigned char *)block.at + at, block.len - at < step ? block.len - at : step);
    return counted;
}

/* False where libh2o would end the connection. */
static bool block_check(h2o_hpack_header_table_t *table, struct slice block) {
    struct http2_block whole = count(block, block.len + 1), bytes = count(block, 1);
    FUZZ_CHECK(whole.fields == bytes.fields && whole.state == bytes.state && whole.left == bytes.left);
    h2o_req_t req;
    memset(&req, 0, sizeof(req));
    h2o_mem_init_pool(&req.pool);
    int pseudo = 0;
    size_t length;
    h2o_cache_digests_t *digests = NULL;
    const char *why = NULL;
    int got =
        h2o_hpack_parse_headers(&req, table, (const uint8_t *)block.at, block.len, &pseudo, &length, &digests, &why);
    FUZZ_CHECK(req.headers.size <= whole.fields);
    bool is_sound = got == 0 || got == H2O_HTTP2_ERROR_INVALID_HEADER_CHAR;
    if (is_sound)
        FUZZ_CHECK(whole.state == BLOCK_FIELD && !whole.integer_bytes && whole.fields <= block.len);
    FUZZ_CHECK(!digests); /* no value is decoded that nobody asked for */
    h2o_mem_clear_pool(&req.pool);
    return is_sound;
}

static void fuzz(struct arena *arena, struct slice input) {
    (void)arena;
    http2_prepare();
    h2o_hpack_header_table_t table = {.hpack_capacity = 4096, .hpack_max_capacity = 4096};
    for (bool goes_on = true; goes_on && input.len;) {
        size_t len = 4 * (size_t)(unsigned char)input.at[0];
        input = slice_from(input, 1);
        len = len < input.len ? len : input.len;
        goes_on = block_check(&table, (struct slice){input.at, len});
        input = slice_from(input, len);
    }
    h2o_hpack_dispose_header_table(&table);
}
