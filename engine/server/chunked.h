/* A body in chunks, to the letter of RFC 9112 §7.1: hex digits, extensions of the grammar of §7.1.1, CRLF at the end of
 * each line and behind the data, trailers that are fields (§7.1.2). What is laxer is refused: two readers of one body
 * that disagree on where it ends are how requests are smuggled (§11.2), and libh2o's reader is lax.
 *
 * So libh2o is given this reader's own writing of it: sizes without extensions, the same data, no trailers. The bytes
 * may come in any pieces; what is written is the same.
 *
 * Bounds: 16 hex digits; CHUNKED_ASIDE_MAX bytes of extensions and trailers in a body. Nothing of them is kept. */
#ifndef SERVER_CHUNKED_H
#define SERVER_CHUNKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CHUNKED_SLACK = 32,
    CHUNKED_ASIDE_MAX = 16 * 1024,
};

enum chunked_state {
    CHUNKED_SIZE,
    CHUNKED_EXTENSION, /* in any of its parts */
    CHUNKED_SIZE_END,  /* behind its CR */
    CHUNKED_DATA,
    CHUNKED_DATA_CR,
    CHUNKED_DATA_LF,
    CHUNKED_TRAILER, /* at the start of a line */
    CHUNKED_TRAILER_NAME,
    CHUNKED_TRAILER_VALUE,
    CHUNKED_TRAILER_END, /* behind the CR of a field */
    CHUNKED_LAST_LF,     /* behind the CR of the empty line */
    CHUNKED_DONE,
    CHUNKED_BROKEN,
};

/* All zero is the beginning of a body. */
struct chunked {
    enum chunked_state state;
    unsigned extension; /* part of it; chunked.c */
    unsigned digits;
    uint64_t left; /* of the chunk's data */
    size_t aside;  /* bytes of extensions and trailers */
};

/* Reads up to `len` bytes at `from` and writes the body again at `to`; the number of bytes written. *taken: how many
 * were read: all, or those up to the end of the body (CHUNKED_DONE). What is broken (CHUNKED_BROKEN) is written as one
 * byte that no reader takes for a chunk, and the rest is left out.
 * At most len + CHUNKED_SLACK bytes are written; `to` may lie CHUNKED_SLACK bytes before `from`, or at `from` where the
 * body begins with this call. */
size_t chunked_read(struct chunked *chunked, const char *from, size_t len, char *to, size_t *taken);

#endif
