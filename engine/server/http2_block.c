#include "server/http2_block.h"

enum { INTEGER_BYTES_MAX = 4 };

/* The integer is whole: the length of a string, or an index. */
static void integer_end(struct http2_block *block, uint32_t integer) {
    block->state = block->behind;
    block->left = integer;
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
            at += size;
            block->left -= size;
            if (!block->left)
                block->state = block->state == BLOCK_NAME_BYTES ? BLOCK_VALUE : BLOCK_FIELD;
        } else if (block->state == BLOCK_FIELD) {
            field_begin(block, *at++);
        } else {
            integer_begin(block, *at++, 7, block->state == BLOCK_NAME ? BLOCK_NAME_BYTES : BLOCK_VALUE_BYTES);
        }
    }
}
