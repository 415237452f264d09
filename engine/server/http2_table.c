/* The table with which header blocks are packed: as large as the peer wants it (RFC 7541 §4.2, RFC 9113 §4.3.1), which
 * libh2o 2.2.5 ignores. When that changes the table begins anew, and the next block says so: to nothing, then to the
 * size. The words stand in a HEADERS frame of their own, and what libh2o writes becomes its CONTINUATION. */
#include "server/http2_internal.h"

enum { FRAME_TYPE_AT = 3, TABLE_MAX = 4096 };

void http2_table_resize(struct peer *peer, uint32_t size) {
    h2o_http2_conn_t *connection = peer->socket->data;
    h2o_hpack_header_table_t *table = &connection->_output_header_table;
    size_t capacity = size < TABLE_MAX ? size : TABLE_MAX;
    if (capacity == table->hpack_capacity)
        return;
    h2o_hpack_dispose_header_table(table);
    *table = (h2o_hpack_header_table_t){.hpack_capacity = capacity};
    peer->meter.is_table_changed = true;
}

/* RFC 7541 §6.3 */
size_t http2_table_update(struct peer *peer, unsigned char *at) {
    const h2o_http2_conn_t *connection = peer->socket->data;
    size_t size = connection->_output_header_table.hpack_capacity, len = 0;
    if (!peer->meter.is_table_changed)
        return 0;
    peer->meter.is_table_changed = false;
    at[len++] = 0x20;
    if (size == 0)
        return len;
    if (size < 31) {
        at[len++] = (unsigned char)(0x20 | size);
        return len;
    }
    at[len++] = 0x3f;
    for (size -= 31; size >= 128; size >>= 7)
        at[len++] = (unsigned char)(0x80 | (size & 127));
    at[len++] = (unsigned char)size;
    return len;
}

static void table_send(h2o_ostream_t *self, h2o_req_t *req, h2o_iovec_t *buffers, size_t count,
                       h2o_send_state_t state) {
    struct peer *peer = peer_of(req);
    h2o_http2_conn_t *connection = peer->socket->data;
    const h2o_http2_stream_t *stream = H2O_STRUCT_FROM_MEMBER(h2o_http2_stream_t, req, req);
    unsigned char update[HTTP2_TABLE_UPDATE_MAX];
    if (stream->state != H2O_HTTP2_STREAM_STATE_SEND_HEADERS || !peer->meter.is_table_changed) {
        h2o_ostream_send_next(self, req, buffers, count, state);
        return;
    }
    size_t len = http2_table_update(peer, update);
    char *at = h2o_buffer_reserve(&connection->_write.buf, H2O_HTTP2_FRAME_HEADER_SIZE + len).base;
    h2o_http2_encode_frame_header((uint8_t *)at, len, H2O_HTTP2_FRAME_TYPE_HEADERS, 0, (int32_t)stream->stream_id);
    memcpy(at + H2O_HTTP2_FRAME_HEADER_SIZE, update, len);
    connection->_write.buf->size += H2O_HTTP2_FRAME_HEADER_SIZE + len;
    size_t block = connection->_write.buf->size;
    h2o_ostream_send_next(self, req, buffers, count, state);
    connection->_write.buf->bytes[block + FRAME_TYPE_AT] = H2O_HTTP2_FRAME_TYPE_CONTINUATION;
}

static void on_setup(h2o_filter_t *filter, h2o_req_t *req, h2o_ostream_t **slot) {
    (void)filter;
    if (req->version >= 0x200 && peer_of(req)->meter.is_table_changed) {
        h2o_ostream_t *stream = h2o_add_ostream(req, sizeof(*stream), slot);
        slot = &stream->next;
        stream->do_send = table_send;
    }
    h2o_setup_next_ostream(req, slot);
}

void http2_table_register(h2o_pathconf_t *path) {
    h2o_filter_t *filter = h2o_create_filter(path, sizeof(*filter));
    filter->on_setup_ostream = on_setup;
}
