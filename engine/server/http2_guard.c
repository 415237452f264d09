/* libh2o 2.2.5 aborts the process when the window of a stream is opened that it has sent all of, to the last byte of
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

void http2_guard(h2o_socket_t *socket) {
    h2o_http2_conn_t *connection = socket->data;
    h2o_http2_stream_t *stream;
    while (connection->state < H2O_HTTP2_CONN_STATE_IS_CLOSING && (stream = sent_stream(connection)))
        h2o_http2_stream_close(connection, stream); /* may start a request that waited: the list is another then */
}
