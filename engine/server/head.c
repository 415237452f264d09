/* What h2o strips before a handler sees it: framing headers. Two readers of one request that disagree on
 * where it ends are how requests are smuggled (RFC 9112 §6.3, §11.2), so ambiguity is refused. */
#include "server/wire.h"

struct head_counts {
    unsigned host, content_length, transfer_encoding;
};

static void line_count(struct slice line, struct head_counts *counts) {
    struct slice name = {line.at, slice_find(line, ':')};
    counts->host += slice_is_nocase(name, "host");
    counts->content_length += slice_is_nocase(name, "content-length");
    counts->transfer_encoding += slice_is_nocase(name, "transfer-encoding");
}

/* HTTP/1 keeps the raw head at the front of the socket's buffer until the answer has left. HTTP/2 has
 * frames. */
enum error head_check(h2o_req_t *req) {
    if (req->version >= 0x200)
        return ERROR_NONE;
    const h2o_buffer_t *input = req->conn->callbacks->get_socket(req->conn)->input;
    struct slice rest = {input->bytes, input->size};
    struct head_counts counts = {0};
    slice_cut(&rest, '\n'); /* the request line */
    while (slice_is_set(rest)) {
        struct slice line = slice_cut(&rest, '\n');
        if (line.len == 0 || (line.len == 1 && line.at[0] == '\r'))
            break;
        line_count(line, &counts);
    }
    bool is_ambiguous = counts.host > 1 || counts.content_length > 1 || counts.transfer_encoding > 1 ||
                        (counts.content_length && counts.transfer_encoding) ||
                        (counts.transfer_encoding && req->version < 0x101) ||
                        (counts.host == 0 && req->version >= 0x101);
    return is_ambiguous ? ERROR_BAD_REQUEST : ERROR_NONE;
}
