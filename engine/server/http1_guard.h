/* Where the requests of an HTTP/1 connection begin and end, in the bytes as they come, before libh2o has any of them.
 * Bodies in chunks are read to the letter (chunked.h). A head that two readers could understand differently (RFC 9112
 * §6.3) is noted, and nothing behind its body is let through: it is the connection's last.
 *
 * Where this reader and libh2o's could differ on a head, libh2o refuses it and closes. */
#ifndef SERVER_HTTP1_GUARD_H
#define SERVER_HTTP1_GUARD_H

#include "base/slice.h"
#include "server/chunked.h"

enum http1_state { HTTP1_HEAD, HTTP1_LENGTH, HTTP1_CHUNKED, HTTP1_OVER };

/* All zero is the beginning of a connection. */
struct http1_guard {
    enum http1_state state;
    size_t line_len; /* seen of the line that is coming */
    struct http1_head {
        bool has_begun, is_http10;
        unsigned hosts, lengths, codings;
        bool is_chunked, is_bad_length;
        uint64_t length; /* of the first Content-Length */
    } head;
    uint64_t left; /* of a body with a length */
    struct chunked chunked;
    uint64_t heads;     /* that are whole */
    uint64_t ambiguous; /* number of the one that is; 0: none yet */
};

/* `size` bytes of input, of which the last `fresh` are new; there is room for CHUNKED_SLACK more. What libh2o may see
 * of the new ones is written in their place. The input's new size. */
size_t http1_guard(struct http1_guard *guard, char *input, size_t size, size_t fresh);

#endif
