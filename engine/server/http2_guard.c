/* What libh2o 2.2.5 does not guard itself against on HTTP/2.
 *
 * It aborts the process when the window of a stream is opened that it has sent all of, to the last byte of
 * the window, but whose write has not completed (connection.c: update_stream_output_window asserts that it is not
 * linked). Any peer can bring that about. So streams that are sent are closed before more is read: their data is in the
 * connection's buffer already, and a window of a closed stream is nobody's. */
#include "server/wire.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wextra"
#include <h2o/http2_internal.h>
#pragma GCC diagnostic pop

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

enum { FRAME_HEADER = 9, FRAME_HEADERS = 1, FRAME_RST_STREAM = 3, FRAME_CONTINUATION = 9, PREFACE_LEN = 24 };

/* Takes note of one frame; false when it is one too many. */
static bool frame_note(struct http2_meter *meter, unsigned type, size_t length) {
    if (type == FRAME_HEADERS)
        meter->block_bytes = length;
    else if (type == FRAME_CONTINUATION)
        meter->block_bytes += length + FRAME_HEADER;
    else if (type == FRAME_RST_STREAM)
        meter->abandoned++, meter->resets_seen++;
    return meter->block_bytes <= HTTP2_BLOCK_MAX && meter->abandoned < HTTP2_ABANDONED_MAX;
}

bool http2_guard(h2o_socket_t *socket, struct http2_meter *meter) {
    sent_streams_close(socket->data);
    meter->resets_seen = 0;
    const unsigned char *at = (const unsigned char *)socket->input->bytes;
    size_t left = socket->input->size;
    if (left >= PREFACE_LEN && memcmp(at, "PRI * HTTP/2.0", 14) == 0)
        at += PREFACE_LEN, left -= PREFACE_LEN;
    while (left >= FRAME_HEADER) {
        size_t length = (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];
        if (left < FRAME_HEADER + length)
            break; /* looked at when it is whole: only then h2o takes it, too */
        if (!frame_note(meter, at[3], length)) {
            socket->input->size = (size_t)(at - (const unsigned char *)socket->input->bytes);
            return false;
        }
        at += FRAME_HEADER + length;
        left -= FRAME_HEADER + length;
    }
    return true;
}
