/* What libh2o 2.2.5 does not guard itself against on HTTP/2.
 *
 * It builds a list of whatever a header block names, and knows no bound: so fields are counted before (http2_block.h).
 * It decodes each Cache-Digest (a draft that no browser sends) into up to 256 KB, also where it is one byte that names
 * the last one: that field is malformed here.
 * It aborts the process when the window of a stream is opened that it has sent all of, to the last byte of
 * the window, but whose write has not completed (connection.c: update_stream_output_window asserts that it is not
 * linked). Any peer can bring that about. So streams that are sent are closed before more is read: their data is in the
 * connection's buffer already, and a window of a closed stream is nobody's. */
#include "server/http2_internal.h"

static h2o_http2_stream_t *sent_stream(h2o_http2_conn_t *connection) {
    h2o_linklist_t *list = &connection->_write.streams_to_proceed;
    for (h2o_linklist_t *node = list->next; node != list; node = node->next) {
        h2o_http2_stream_t *stream = H2O_STRUCT_FROM_MEMBER(h2o_http2_stream_t, _refs.link, node);
        if (stream->state == H2O_HTTP2_STREAM_STATE_END_STREAM)
            return stream;
    }
    return NULL;
}

static void sent_streams_close(h2o_http2_conn_t *connection) {
    h2o_http2_stream_t *stream;
    while (connection->state < H2O_HTTP2_CONN_STATE_IS_CLOSING && (stream = sent_stream(connection)))
        h2o_http2_stream_close(connection, stream); /* may start a request that waited: the list is another then */
}

/* --- frames, as they come --- */

enum {
    FRAME_HEADER = 9,
    FRAME_HEADERS = 1,
    FRAME_RST_STREAM = 3,
    FRAME_CONTINUATION = 9,
    FLAG_PADDED = 8,
    FLAG_PRIORITY = 32,
    PRIORITY_LEN = 5,
    PREFACE_LEN = 24,
};

struct frame {
    unsigned type, flags;
    const unsigned char *payload;
    size_t len;
};

/* The part of the block that is in HEADERS (RFC 9113 §6.2); nothing where libh2o will find the frame malformed. */
static void headers_read(struct http2_meter *meter, struct frame frame) {
    size_t before = 0, padding = 0;
    if (frame.flags & FLAG_PADDED) {
        before = 1;
        padding = frame.len ? frame.payload[0] : 0;
    }
    if (frame.flags & FLAG_PRIORITY)
        before += PRIORITY_LEN;
    meter->block = (struct http2_block){0};
    if (before + padding <= frame.len)
        http2_block_read(&meter->block, frame.payload + before, frame.len - before - padding);
}

/* Takes note of one frame. */
static enum http2_verdict frame_note(struct http2_meter *meter, struct frame frame) {
    if (frame.type == FRAME_HEADERS) {
        meter->block_bytes = frame.len;
        headers_read(meter, frame);
    } else if (frame.type == FRAME_CONTINUATION) {
        meter->block_bytes += frame.len + FRAME_HEADER;
        http2_block_read(&meter->block, frame.payload, frame.len);
    } else if (frame.type == FRAME_RST_STREAM) {
        meter->abandoned++, meter->resets_seen++;
    }
    if (meter->abandoned >= HTTP2_ABANDONED_MAX)
        return HTTP2_CUT;
    meter->is_over = meter->block_bytes > HTTP2_BLOCK_MAX || meter->block.fields > HTTP2_FIELDS_MAX;
    return meter->is_over ? HTTP2_END : HTTP2_SOUND;
}

enum http2_verdict http2_guard(h2o_buffer_t *input, struct http2_meter *meter) {
    const unsigned char *at = (const unsigned char *)input->bytes, *end = at + input->size;
    meter->resets_seen = 0;
    if (meter->is_over) { /* the end has been said */
        input->size = 0;
        return HTTP2_SOUND;
    }
    if (input->size >= PREFACE_LEN && memcmp(at, "PRI * HTTP/2.0", 14) == 0)
        at += PREFACE_LEN;
    while (end - at >= FRAME_HEADER) {
        struct frame frame = {at[3], at[4], at + FRAME_HEADER, (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2]};
        if ((size_t)(end - frame.payload) < frame.len)
            break; /* looked at when it is whole; h2o also waits for that */
        enum http2_verdict verdict = frame_note(meter, frame);
        if (verdict != HTTP2_SOUND) {
            input->size = (size_t)(at - (const unsigned char *)input->bytes);
            return verdict;
        }
        at = frame.payload + frame.len;
    }
    return HTTP2_SOUND;
}

/* --- the connection --- */

void http2_prepare(void) {
    H2O_TOKEN_CACHE_DIGEST->http2_should_reject = 1;
}

void http2_before_read(h2o_socket_t *socket) {
    sent_streams_close(socket->data);
}

void http2_end(h2o_socket_t *socket) {
    h2o_http2_conn_t *connection = socket->data;
    if (connection->state >= H2O_HTTP2_CONN_STATE_HALF_CLOSED)
        return;
    h2o_http2_encode_goaway_frame(&connection->_write.buf, connection->pull_stream_ids.max_open,
                                  H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM,
                                  h2o_iovec_init(H2O_STRLIT("the header list is too large")));
    connection->state = H2O_HTTP2_CONN_STATE_HALF_CLOSED;
    h2o_http2_conn_request_write(connection);
}

h2o_timeout_cb http2_on_write_timer(h2o_socket_t *socket, h2o_timeout_cb own) {
    h2o_http2_conn_t *connection = socket->data;
    h2o_timeout_cb libh2o = connection->_write.timeout_entry.cb;
    connection->_write.timeout_entry.cb = own;
    return libh2o;
}

h2o_socket_t *http2_socket_of(h2o_timeout_entry_t *write_timer) {
    return H2O_STRUCT_FROM_MEMBER(h2o_http2_conn_t, _write.timeout_entry, write_timer)->sock;
}
