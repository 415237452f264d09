/* Streams that are answered before their body has come: it is too large, or late. libh2o hands a request over with its
 * whole body, and refuses a stream itself with a reset that tells a client to send it all again. So the body is ended
 * for it. What still comes of it is thrown away: a client may send on (RFC 9113 §8.1), and many read no answer before
 * all is sent. */
#include "server/http2_internal.h"

static const char expectation[] = "100-continue";

void http2_body_end(struct http2_meter *meter, h2o_http2_stream_t *stream) {
    stream->_expected_content_length = SIZE_MAX;
    meter->refused[meter->refused_count++ % (sizeof(meter->refused) / sizeof(*meter->refused))] = stream->stream_id;
}

static bool can_run(const h2o_http2_conn_t *connection) {
    return connection->num_streams.pull.half_closed <
           connection->super.ctx->globalconf->http2.max_concurrent_requests_per_connection;
}

/* False: the connection has closed. */
static bool stream_refuse(struct peer *peer, h2o_http2_stream_t *stream, enum error refusal) {
    h2o_http2_conn_t *connection = peer->socket->data;
    uint32_t id = stream->stream_id;
    http2_body_end(&peer->meter, stream);
    if (!can_run(connection)) { /* it would wait, and then pass for whole */
        h2o_http2_encode_rst_stream_frame(&connection->_write.buf, id, -H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM);
        h2o_http2_conn_request_write(connection);
        h2o_http2_stream_reset(connection, stream);
        return true;
    }
    h2o_buffer_t **input = &peer->socket->input;
    h2o_buffer_reserve(input, H2O_HTTP2_FRAME_HEADER_SIZE);
    memmove((*input)->bytes + H2O_HTTP2_FRAME_HEADER_SIZE, (*input)->bytes, (*input)->size);
    h2o_http2_encode_frame_header((uint8_t *)(*input)->bytes, 0, H2O_HTTP2_FRAME_TYPE_DATA,
                                  H2O_HTTP2_FRAME_FLAG_END_STREAM, (int32_t)id);
    (*input)->size += H2O_HTTP2_FRAME_HEADER_SIZE;
    struct worker *worker = peer->worker;
    peer->refusal = refusal;
    bool goes_on = peer_feed(peer, H2O_HTTP2_FRAME_HEADER_SIZE);
    if (worker->inside)
        peer->refusal = ERROR_NONE;
    return goes_on;
}

static bool expects_continue(const h2o_http2_stream_t *stream) {
    ssize_t at = h2o_find_header(&stream->req.headers, H2O_TOKEN_EXPECT, -1);
    return at >= 0 && h2o_lcstris(stream->req.headers.entries[at].value.base, stream->req.headers.entries[at].value.len,
                                  expectation, sizeof(expectation) - 1);
}

/* RFC 9110 §10.1.1 */
static void continue_send(struct peer *peer, uint32_t id) {
    static const unsigned char status[] = {0x08, 3, '1', '0', '0'}; /* not indexed (RFC 7541 §6.2.2, appendix A) */
    h2o_http2_conn_t *connection = peer->socket->data;
    unsigned char block[HTTP2_TABLE_UPDATE_MAX + sizeof(status)];
    size_t len = http2_table_update(peer, block);
    memcpy(block + len, status, sizeof(status));
    len += sizeof(status);
    char *at = h2o_buffer_reserve(&connection->_write.buf, H2O_HTTP2_FRAME_HEADER_SIZE + len).base;
    h2o_http2_encode_frame_header((uint8_t *)at, len, H2O_HTTP2_FRAME_TYPE_HEADERS, H2O_HTTP2_FRAME_FLAG_END_HEADERS,
                                  (int32_t)id);
    memcpy(at + H2O_HTTP2_FRAME_HEADER_SIZE, block, len);
    connection->_write.buf->size += H2O_HTTP2_FRAME_HEADER_SIZE + len;
    h2o_http2_conn_request_write(connection);
}

/* The first from that number on whose body is still to come. */
static h2o_http2_stream_t *next_receiving(h2o_http2_conn_t *connection, uint32_t from) {
    h2o_http2_stream_t *found = NULL;
    for (khiter_t i = 0; i < kh_end(connection->streams); i++) {
        h2o_http2_stream_t *stream = kh_exist(connection->streams, i) ? kh_val(connection->streams, i) : NULL;
        bool is_candidate = stream && stream->state == H2O_HTTP2_STREAM_STATE_RECV_BODY && stream->stream_id >= from;
        if (is_candidate && (!found || stream->stream_id < found->stream_id))
            found = stream;
    }
    return found;
}

void http2_bodies_begun(struct peer *peer) {
    h2o_http2_conn_t *connection = peer->socket->data;
    size_t most = (size_t)peer->worker->config->settings->body_max_bytes;
    uint32_t from = peer->meter.first_open;
    peer->meter.first_open = 0;
    h2o_http2_stream_t *stream;
    while (from && connection->state < H2O_HTTP2_CONN_STATE_HALF_CLOSED &&
           (stream = next_receiving(connection, from))) {
        from = stream->stream_id + 2;
        if (stream->_expected_content_length != SIZE_MAX && stream->_expected_content_length > most) {
            if (!stream_refuse(peer, stream, ERROR_BODY_TOO_LARGE))
                return;
        } else if (stream->_req_body->size == 0 && expects_continue(stream)) {
            continue_send(peer, stream->stream_id);
        }
    }
}

static h2o_http2_stream_t *late_stream(h2o_http2_conn_t *connection, int64_t timeout_ms) {
    struct timeval now = *h2o_get_timestamp(connection->super.ctx, NULL, NULL);
    for (h2o_http2_stream_t *stream = next_receiving(connection, 0); stream;
         stream = next_receiving(connection, stream->stream_id + 2)) {
        struct timeval since = stream->req.timestamps.request_begin_at;
        int64_t age_ms = (int64_t)(now.tv_sec - since.tv_sec) * 1000 + (now.tv_usec - since.tv_usec) / 1000;
        if (age_ms > timeout_ms)
            return stream;
    }
    return NULL;
}

bool http2_body_late(struct peer *peer, int64_t timeout_ms) {
    h2o_http2_conn_t *connection = peer->socket->data;
    h2o_http2_stream_t *stream =
        connection->state < H2O_HTTP2_CONN_STATE_HALF_CLOSED ? late_stream(connection, timeout_ms) : NULL;
    return stream && stream_refuse(peer, stream, ERROR_REQUEST_TIMEOUT);
}
