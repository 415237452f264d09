#include "server/http2_block.h"

#include <string.h>

enum { INTEGER_BYTES_MAX = 4 };

enum { PSEUDO_HEADERS = 4, STATIC_PSEUDO_LAST = 14, STATIC_LAST = 61, HUFFMAN_COLON = 0x5c /* of seven bits */ };

static void pseudo_note(struct http2_block *block, unsigned number) {
    if (number >= PSEUDO_HEADERS || block->has_regular || block->pseudo & 1u << number)
        block->is_malformed = true;
    else
        block->pseudo |= 1u << number;
}

/* RFC 7541 appendix A: 1 is :authority, 2 and 3 :method, 4 and 5 :path, 6 and 7 :scheme, up to 14 :status. */
static void index_note(struct http2_block *block, uint32_t index) {
    if (index >= 1 && index <= STATIC_PSEUDO_LAST)
        pseudo_note(block, index / 2);
    else if (index > STATIC_PSEUDO_LAST && index <= STATIC_LAST)
        block->has_regular = true;
}

/* The name that was read is whole. */
static void name_note(struct http2_block *block) {
    static const char *const names[PSEUDO_HEADERS] = {":authority", ":method", ":path", ":scheme"};
    bool is_pseudo = block->is_huffman ? (unsigned char)block->name[0] >> 1 == HUFFMAN_COLON : block->name[0] == ':';
    if (!is_pseudo) {
        block->has_regular = true;
    } else if (block->is_huffman) { /* libh2o will tell which */
        block->is_malformed = block->is_malformed || block->has_regular;
    } else {
        unsigned number = 0;
        while (number < PSEUDO_HEADERS &&
               (block->name_len != strlen(names[number]) || memcmp(block->name, names[number], block->name_len) != 0))
            number++;
        pseudo_note(block, number);
    }
}

static void name_read(struct http2_block *block, const unsigned char *at, size_t size) {
    for (size_t i = 0; i < size; i++) {
        bool is_capital = at[i] >= 'A' && at[i] <= 'Z' && !block->is_huffman;
        block->is_malformed = block->is_malformed || is_capital;
        if (block->name_len < sizeof(block->name))
            block->name[block->name_len++] = (char)at[i];
    }
}

/* The integer is whole: the length of a string, or an index. */
static void integer_end(struct http2_block *block, uint32_t integer) {
    if (block->is_index)
        index_note(block, integer);
    block->is_index = false;
    block->state = block->behind;
    block->left = integer;
    block->name_len = 0;
    if (integer == 0 && block->state == BLOCK_NAME_BYTES)
        block->state = BLOCK_VALUE;
    else if (integer == 0 && block->state == BLOCK_VALUE_BYTES)
        block->state = BLOCK_FIELD;
}

static void integer_begin(struct http2_block *block, unsigned char byte, unsigned bits, enum http2_block_state behind) {
    uint32_t all = (1u << bits) - 1;
    block->behind = behind;
    block->integer = byte & all;
    block->integer_bytes = block->integer == all;
    if (!block->integer_bytes)
        integer_end(block, block->integer);
}

static void integer_read(struct http2_block *block, unsigned char byte) {
    block->integer += (uint32_t)(byte & 127) << 7 * (block->integer_bytes - 1);
    if (!(byte & 128)) {
        block->integer_bytes = 0;
        integer_end(block, block->integer);
    } else if (block->integer_bytes++ == INTEGER_BYTES_MAX) {
        block->integer_bytes = 0;
        block->state = BLOCK_MALFORMED;
    }
}

/* RFC 7541 §6.1, §6.2.1, §6.3, §6.2.2 and §6.2.3. An index of 0 is a name that follows. */
static void field_begin(struct http2_block *block, unsigned char byte) {
    block->fields++;
    block->is_index = (byte & 0xe0) != 0x20;
    if (byte & 0x80)
        integer_begin(block, byte, 7, BLOCK_FIELD);
    else if (byte & 0x40)
        integer_begin(block, byte, 6, byte & 0x3f ? BLOCK_VALUE : BLOCK_NAME);
    else if (byte & 0x20)
        integer_begin(block, byte, 5, BLOCK_FIELD);
    else
        integer_begin(block, byte, 4, byte & 0x0f ? BLOCK_VALUE : BLOCK_NAME);
}

void http2_block_read(struct http2_block *block, const unsigned char *at, size_t len) {
    const unsigned char *end = at + len;
    while (at < end && block->state != BLOCK_MALFORMED) {
        if (block->integer_bytes) {
            integer_read(block, *at++);
        } else if (block->state == BLOCK_NAME_BYTES || block->state == BLOCK_VALUE_BYTES) {
            size_t here = (size_t)(end - at), size = block->left < here ? block->left : here;
            bool is_name = block->state == BLOCK_NAME_BYTES;
            if (is_name)
                name_read(block, at, size);
            at += size;
            block->left -= size;
            if (!block->left && is_name)
                name_note(block);
            if (!block->left)
                block->state = is_name ? BLOCK_VALUE : BLOCK_FIELD;
        } else if (block->state == BLOCK_FIELD) {
            field_begin(block, *at++);
        } else {
            block->is_huffman = *at & 0x80;
            integer_begin(block, *at++, 7, block->state == BLOCK_NAME ? BLOCK_NAME_BYTES : BLOCK_VALUE_BYTES);
        }
    }
}
