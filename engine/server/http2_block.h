/* How many fields a header block names (RFC 7541 §6), before anybody makes a list of them: a field of the dynamic table
 * is one byte, whatever its size. No table is needed for that: types, integers and the lengths of strings are enough.
 * The block may come in any pieces.
 *
 * And what can be told that easily of a request that is malformed (RFC 9113 §8.2, §8.3): a pseudo header twice, behind
 * others or of no request, and a name with capital letters. Not so of names that the dynamic table has, nor, but for a
 * pseudo header behind others, of those in Huffman's code.
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
    size_t left;     /* of the string */
    size_t fields;   /* begun, and changes of the table's size */
    bool is_index;   /* so is the integer */
    bool is_huffman; /* so is the string */
    bool has_regular, is_malformed;
    unsigned pseudo; /* those that came, as bits */
    char name[12];   /* the beginning of a literal one, as it is sent */
    size_t name_len;
};

void http2_block_read(struct http2_block *block, const unsigned char *at, size_t len);

#endif
