/* How an HTTP/2 connection ends. libh2o's own way loses requests: its second GOAWAY comes after a second and drops the
 * bodies that are on their way, and it may close with half an answer written. */
#include "server/http2_internal.h"

enum {
    LEAVE_GRACE_MS = 1000, /* a request that was sent before the first GOAWAY was read may still be on its way */
    LEAVE_BUSY_MS = 100,   /* with the last answer it is said earlier: who has sent more may send that again */
    LINGER_MS = 500,       /* for the client to close first: what it sends meanwhile does not hit a closed socket */
};

static bool is_open(const h2o_http2_conn_t *connection) {
    return connection->state < H2O_HTTP2_CONN_STATE_HALF_CLOSED;
}

bool http2_is_receiving(h2o_socket_t *socket) {
    const h2o_http2_conn_t *connection = socket->data;
    return connection->num_streams.pull.open > connection->num_streams.pull.half_closed;
}

static bool is_written(const h2o_http2_conn_t *connection) {
    return connection->_write.buf->size == 0 && !connection->_write.buf_in_flight &&
           !h2o_timeout_is_linked((h2o_timeout_entry_t *)&connection->_write.timeout_entry);
}

static void goaway(h2o_http2_conn_t *connection, uint32_t last_stream, int code, const char *reason) {
    h2o_http2_encode_goaway_frame(&connection->_write.buf, last_stream, code, h2o_iovec_init(reason, strlen(reason)));
    h2o_http2_conn_request_write(connection);
}

static void leave(h2o_http2_conn_t *connection, struct http2_meter *meter, int64_t now_ms) {
    meter->last_stream = connection->pull_stream_ids.max_open;
    goaway(connection, meter->last_stream, H2O_HTTP2_ERROR_NONE, "shutting down");
    meter->leaving = HTTP2_LEFT;
    meter->leaving_since_ms = now_ms;
}

void http2_leave_with_answer(struct peer *peer, int64_t now_ms) {
    h2o_http2_conn_t *connection = peer->socket->data;
    struct http2_meter *meter = &peer->meter;
    bool is_last = peer->in_flight == 1 && !http2_is_receiving(peer->socket) && !peer->socket->input->size;
    if (is_last && is_open(connection) && meter->leaving == HTTP2_LEAVES &&
        now_ms - meter->leaving_since_ms > LEAVE_BUSY_MS)
        leave(connection, meter, now_ms);
}

void http2_leave(struct peer *peer, int64_t now_ms) {
    h2o_http2_conn_t *connection = peer->socket->data;
    struct http2_meter *meter = &peer->meter;
    if (!is_open(connection) || !meter->has_preface)
        return;
    int64_t passed_ms = now_ms - meter->leaving_since_ms;
    bool is_receiving = http2_is_receiving(peer->socket) || peer->socket->input->size;
    if (meter->leaving == HTTP2_STAYS) {
        goaway(connection, INT32_MAX, H2O_HTTP2_ERROR_NONE, "shutting down");
        meter->leaving = HTTP2_LEAVES;
        meter->leaving_since_ms = now_ms;
    } else if (meter->leaving == HTTP2_LEAVES && passed_ms > LEAVE_GRACE_MS && !is_receiving) {
        leave(connection, meter, now_ms);
    } else if (meter->leaving == HTTP2_LEFT && !connection->num_streams.pull.open && is_written(connection)) {
        int64_t answered_ms = now_ms - peer->useful_ms;
        if (passed_ms > LINGER_MS && answered_ms > LINGER_MS) {
            h2o_http2_conn_request_write(connection); /* nothing; behind it h2o closes */
            connection->state = H2O_HTTP2_CONN_STATE_IS_CLOSING;
        }
    }
}

void http2_close(h2o_socket_t *socket, bool is_abuse, const char *reason) {
    h2o_http2_conn_t *connection = socket->data;
    if (connection->state == H2O_HTTP2_CONN_STATE_IS_CLOSING)
        return;
    goaway(connection, connection->pull_stream_ids.max_open,
           is_abuse ? H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM : H2O_HTTP2_ERROR_NONE, reason);
    connection->state = H2O_HTTP2_CONN_STATE_IS_CLOSING; /* it is closed as soon as that is written */
}
