/* How many fields a header block names (RFC 7541 §6), before anybody makes a list of them: a field of the dynamic table
 * is one byte, whatever its size. No table is needed for that: types, integers and the lengths of strings are enough.
 * The block may come in any pieces.
 *
 * Bounds: an integer has at most four bytes behind its first, as libh2o has it. */
#ifndef SERVER_HTTP2_BLOCK_H
#define SERVER_HTTP2_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http2_block_state {
    BLOCK_FIELD,       /* at the first byte of a representation */
    BLOCK_NAME,        /* at the first byte of a string: the name; its value is next */
    BLOCK_VALUE,       /* likewise the value, which ends the field */
    BLOCK_NAME_BYTES,  /* in the string */
    BLOCK_VALUE_BYTES, /* likewise */
    BLOCK_MALFORMED,   /* libh2o will end the connection */
};

/* All zero is the beginning of a block. */
struct http2_block {
    enum http2_block_state state, behind; /* `behind`: the state after the integer that is being read */
    unsigned integer_bytes;               /* of it, behind the first; 0: none is being read */
    uint32_t integer;
    size_t left;   /* of the string */
    size_t fields; /* begun, and changes of the table's size */
};

void http2_block_read(struct http2_block *block, const unsigned char *at, size_t len);

#endif
