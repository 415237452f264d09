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
    FRAME_HEADER = H2O_HTTP2_FRAME_HEADER_SIZE,
    PRIORITY_LEN = 5,
    PREFACE_LEN = 24,
    SETTING_LEN = 6,
    SETTING_HEADER_TABLE_SIZE = 1,
    THROWN_AWAY_RESET = 4 << 20, /* of one body that nobody wants: then its sender is told to stop */
    THROWN_AWAY_MAX = 64 << 20,  /* several windows */
};

/* A frame; or HEADERS with all of its CONTINUATION. */
struct unit {
    unsigned type, flags; /* END_HEADERS: of the last frame */
    uint32_t stream;
    const unsigned char *payload; /* of the first frame */
    size_t payload_len, len;      /* `len` is of all frames, with their headers; 0: it is not whole */
};

enum judgement {
    UNIT_PASSES,
    UNIT_WAITS, /* what is before it has to be done first */
    UNIT_GOES,  /* out of the input: libh2o does not see it */
    UNIT_ALONE, /* passes, and nothing is looked at before it is done */
    UNIT_CUTS,
    UNIT_ENDS,
};

static bool frame_read(const unsigned char *at, size_t len, struct unit *frame) {
    if (len < FRAME_HEADER)
        return false;
    size_t payload = h2o_http2_decode24u(at);
    *frame = (struct unit){
        at[3], at[4], h2o_http2_decode32u(at + 5) & INT32_MAX, at + FRAME_HEADER, payload, FRAME_HEADER + payload};
    return frame->len <= len;
}

static struct unit unit_read(const unsigned char *at, size_t len) {
    struct unit unit, next;
    if (!frame_read(at, len, &unit))
        return (struct unit){0};
    while (unit.type == H2O_HTTP2_FRAME_TYPE_HEADERS && !(unit.flags & H2O_HTTP2_FRAME_FLAG_END_HEADERS)) {
        if (!frame_read(at + unit.len, len - unit.len, &next)) {
            unit.len = unit.len > HTTP2_BLOCK_READ_MAX ? unit.len : 0;
            break;
        }
        if (next.type != H2O_HTTP2_FRAME_TYPE_CONTINUATION || next.stream != unit.stream)
            break; /* malformed */
        unit.len += next.len;
        unit.flags |= next.flags & H2O_HTTP2_FRAME_FLAG_END_HEADERS;
    }
    return unit;
}

/* --- header blocks --- */

/* The part of the block that is in the first frame (RFC 9113 §6.2); nothing where libh2o will find it malformed. */
static struct slice fragment_of(const struct unit *unit) {
    size_t before = 0, padding = 0;
    if (unit->flags & H2O_HTTP2_FRAME_FLAG_PADDED) {
        before = 1;
        padding = unit->payload_len ? unit->payload[0] : 0;
    }
    if (unit->flags & H2O_HTTP2_FRAME_FLAG_PRIORITY)
        before += PRIORITY_LEN;
    if (before + padding > unit->payload_len)
        return SLICE("");
    return (struct slice){(const char *)unit->payload + before, unit->payload_len - before - padding};
}

/* Moves the whole block together, behind the first frame's header. */
static struct slice block_join(const struct unit *unit) {
    char *out = (char *)(uintptr_t)unit->payload;
    struct slice part = fragment_of(unit);
    size_t len = part.len;
    const unsigned char *at = unit->payload - FRAME_HEADER, *end = at + unit->len;
    memmove(out, part.at, part.len);
    struct unit next;
    for (at += FRAME_HEADER + unit->payload_len; at < end && frame_read(at, (size_t)(end - at), &next);
         at += next.len) {
        memmove(out + len, next.payload, next.payload_len);
        len += next.payload_len;
    }
    return (struct slice){out, len};
}

static struct http2_block block_read(const struct unit *unit) {
    struct http2_block block = {0};
    struct slice part = fragment_of(unit);
    http2_block_read(&block, (const unsigned char *)part.at, part.len);
    const unsigned char *at = unit->payload + unit->payload_len, *end = unit->payload - FRAME_HEADER + unit->len;
    struct unit next;
    for (; at < end && frame_read(at, (size_t)(end - at), &next); at += next.len)
        http2_block_read(&block, next.payload, next.payload_len);
    return block;
}

/* One field, for what it does to the table alone. False: the table is not the peer's any more. */
static bool field_discard(h2o_hpack_header_table_t *table, struct slice field) {
    h2o_req_t req;
    memset(&req, 0, sizeof(req));
    h2o_mem_init_pool(&req.pool);
    int pseudo = 0;
    size_t length;
    const char *why = NULL;
    size_t entries = table->num_entries, first = table->entry_start_index;
    int got = h2o_hpack_parse_headers(&req, table, (const uint8_t *)field.at, field.len, &pseudo, &length, NULL, &why);
    h2o_mem_clear_pool(&req.pool);
    bool is_kept = got == 0 || got == H2O_HTTP2_ERROR_INVALID_HEADER_CHAR || !why;
    return got != H2O_HTTP2_ERROR_COMPRESSION &&
           (is_kept || entries != table->num_entries || first != table->entry_start_index);
}

/* libh2o does not take capitals in a name at all, its table then lacks it. */
static void name_lower(char *field, size_t len) {
    size_t name = (unsigned char)field[0] == 0x40 && len > 2 ? (unsigned char)field[1] : 0;
    for (size_t i = 2; i < 2 + name && name < 127 && i < len; i++)
        if (field[i] >= 'A' && field[i] <= 'Z')
            field[i] = (char)(field[i] - 'A' + 'a');
}

/* Fields without an effect on the table (RFC 7541 §6.1, §6.2.2, §6.2.3) are skipped. */
static bool block_discard(h2o_http2_conn_t *connection, struct slice block) {
    struct http2_block reader = {0};
    size_t begin = 0;
    for (size_t i = 0; i < block.len; i++) {
        http2_block_read(&reader, (const unsigned char *)block.at + i, 1);
        if (reader.state != BLOCK_FIELD || reader.integer_bytes)
            continue;
        unsigned char first = (unsigned char)block.at[begin];
        bool is_resize = (first & 0xe0) == 0x20, is_insertion = (first & 0xc0) == 0x40;
        struct slice field = {block.at + begin, i + 1 - begin};
        begin = i + 1;
        if (is_insertion)
            name_lower((char *)(uintptr_t)field.at, field.len);
        if (is_insertion && !field_discard(&connection->_input_header_table, field))
            return false;
        if (is_resize) { /* libh2o takes none without a field behind it: ":method GET" */
            char with_field[8];
            memcpy(with_field, field.at, field.len);
            with_field[field.len] = '\x82';
            if (!field_discard(&connection->_input_header_table, (struct slice){with_field, field.len + 1}))
                return false;
        }
    }
    return begin == block.len;
}

/* In the place of a block that libh2o would end the connection for, or that is too large for it: one whose request has
 * the same answer. An empty :path; or more fields than there may be. */
static enum judgement block_replace(struct peer *peer, const struct unit *unit, bool is_large) {
    enum { FIELDS = 210 };
    static const unsigned char start[] = {0x82, 0x86, 0x04, 0x00}; /* :method GET, :scheme http, :path "" */
    h2o_buffer_t *input = peer->socket->input;
    uint32_t stream = unit->stream;
    unsigned flags = (unit->flags & H2O_HTTP2_FRAME_FLAG_END_STREAM) | H2O_HTTP2_FRAME_FLAG_END_HEADERS;
    if (!block_discard(peer->socket->data, block_join(unit)))
        return UNIT_ENDS;
    size_t len = sizeof(start) + (is_large ? FIELDS : 0), gone = unit->len - FRAME_HEADER - len;
    if (unit->len < FRAME_HEADER + len) {
        size_t more = FRAME_HEADER + len - unit->len, behind = input->size - unit->len;
        h2o_buffer_reserve(&peer->socket->input, more);
        input = peer->socket->input;
        memmove(input->bytes + unit->len + more, input->bytes + unit->len, behind);
        input->size += more;
        gone = 0;
    }
    h2o_buffer_consume(&peer->socket->input, gone);
    uint8_t *at = (uint8_t *)peer->socket->input->bytes;
    at = h2o_http2_encode_frame_header(at, len, H2O_HTTP2_FRAME_TYPE_HEADERS, (uint8_t)flags, (int32_t)stream);
    memcpy(at, start, sizeof(start));
    memset(at + sizeof(start), 0x90, len - sizeof(start)); /* accept-encoding */
    return UNIT_ALONE;
}

static bool is_refused(const struct http2_meter *meter, uint32_t stream) {
    for (size_t i = 0; i < sizeof(meter->refused) / sizeof(*meter->refused); i++)
        if (meter->refused[i] == stream)
            return stream != 0;
    return false;
}

static enum judgement headers_judge(struct peer *peer, const struct unit *unit, bool is_first) {
    struct http2_meter *meter = &peer->meter;
    h2o_http2_conn_t *connection = peer->socket->data;
    if (unit->len > HTTP2_BLOCK_READ_MAX)
        return UNIT_ENDS;
    struct http2_block block = block_read(unit);
    if (block.fields > HTTP2_FIELDS_MAX)
        return UNIT_ENDS;
    if (!(unit->flags & H2O_HTTP2_FRAME_FLAG_END_HEADERS))
        return UNIT_PASSES; /* malformed */
    bool is_large = unit->len > HTTP2_BLOCK_MAX, are_trailers = is_refused(meter, unit->stream);
    if (!(unit->flags & H2O_HTTP2_FRAME_FLAG_END_STREAM) && !meter->first_open)
        meter->first_open = unit->stream;
    if (!is_large && !are_trailers && !block.is_malformed)
        return UNIT_PASSES;
    if (!is_first)
        return UNIT_WAITS;
    if (are_trailers)
        return block_discard(connection, block_join(unit)) ? UNIT_GOES : UNIT_ENDS;
    bool is_new = unit->stream & 1 && unit->stream > connection->pull_stream_ids.max_open;
    if (!is_new)
        return is_large ? UNIT_ENDS : UNIT_PASSES;
    return block_replace(peer, unit, is_large);
}

/* --- bodies --- */

/* The windows are opened again as if it had been taken, so that other streams do not wait. */
static enum judgement data_throw_away(struct peer *peer, const struct unit *unit) {
    h2o_http2_conn_t *connection = peer->socket->data;
    struct http2_meter *meter = &peer->meter;
    bool is_told = meter->thrown_away > THROWN_AWAY_RESET;
    meter->thrown_away += unit->len;
    peer->useless_bytes -= unit->len < peer->useless_bytes ? unit->len : peer->useless_bytes;
    if (meter->thrown_away > THROWN_AWAY_MAX)
        return UNIT_CUTS;
    if (unit->payload_len)
        h2o_http2_encode_window_update_frame(&connection->_write.buf, 0, (int32_t)unit->payload_len);
    if (!is_told && meter->thrown_away > THROWN_AWAY_RESET) { /* RFC 9113 §8.1: NO_ERROR */
        char *at = h2o_buffer_reserve(&connection->_write.buf, FRAME_HEADER + 4).base;
        h2o_http2_encode_frame_header((uint8_t *)at, 4, H2O_HTTP2_FRAME_TYPE_RST_STREAM, 0, (int32_t)unit->stream);
        memset(at + FRAME_HEADER, 0, 4);
        connection->_write.buf->size += FRAME_HEADER + 4;
    }
    h2o_http2_conn_request_write(connection);
    return UNIT_GOES;
}

static enum judgement data_judge(struct peer *peer, const struct unit *unit, size_t before) {
    h2o_http2_conn_t *connection = peer->socket->data;
    size_t most = (size_t)peer->worker->config->settings->body_max_bytes, padding = 0;
    if (is_refused(&peer->meter, unit->stream))
        return before ? UNIT_WAITS : data_throw_away(peer, unit);
    if (unit->flags & H2O_HTTP2_FRAME_FLAG_PADDED && unit->payload_len > unit->payload[0])
        padding = 1 + (size_t)unit->payload[0];
    h2o_http2_stream_t *stream = h2o_http2_conn_get_stream(connection, unit->stream);
    size_t size = unit->payload_len - padding;
    if (stream && stream->state == H2O_HTTP2_STREAM_STATE_RECV_BODY)
        size += stream->_req_body->size;
    if (before + size <= most)
        return UNIT_PASSES;
    if (before)
        return UNIT_WAITS;
    if (!stream || stream->state != H2O_HTTP2_STREAM_STATE_RECV_BODY)
        return UNIT_PASSES;
    /* What is there is too large, and told so (exchange.c). */
    http2_body_end(&peer->meter, stream);
    ((unsigned char *)(uintptr_t)unit->payload)[-FRAME_HEADER + 4] |= H2O_HTTP2_FRAME_FLAG_END_STREAM;
    return UNIT_ALONE;
}

static void settings_read(struct peer *peer, const struct unit *unit) {
    if (unit->flags & H2O_HTTP2_FRAME_FLAG_ACK || unit->stream)
        return;
    for (const unsigned char *at = unit->payload, *end = at + unit->payload_len; end - at >= SETTING_LEN;
         at += SETTING_LEN)
        if (at[0] == 0 && at[1] == SETTING_HEADER_TABLE_SIZE)
            http2_table_resize(peer, h2o_http2_decode32u(at + 2));
}

/* `before`: bytes of the input that libh2o has not worked off yet. */
static enum judgement unit_judge(struct peer *peer, const struct unit *unit, size_t before) {
    struct http2_meter *meter = &peer->meter;
    if (meter->leaving == HTTP2_LEFT && unit->stream > meter->last_stream)
        return before ? UNIT_WAITS : UNIT_GOES; /* the peer knows that it was not taken (RFC 9113 §6.8) */
    switch (unit->type) {
    case H2O_HTTP2_FRAME_TYPE_HEADERS:
        return headers_judge(peer, unit, before == 0);
    case H2O_HTTP2_FRAME_TYPE_DATA:
        return data_judge(peer, unit, before);
    case H2O_HTTP2_FRAME_TYPE_RST_STREAM:
        meter->abandoned++, meter->resets_seen++;
        return meter->abandoned >= HTTP2_ABANDONED_MAX ? UNIT_CUTS : UNIT_PASSES;
    case H2O_HTTP2_FRAME_TYPE_SETTINGS:
        settings_read(peer, unit);
        return UNIT_PASSES;
    default:
        return UNIT_PASSES;
    }
}

/* Bytes of the input that are the preface; all where it is none: h2o closes. */
static size_t preface_read(struct http2_meter *meter, const h2o_buffer_t *input) {
    static const char preface[PREFACE_LEN + 1] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    if (input->size < PREFACE_LEN)
        return 0;
    meter->has_preface = memcmp(input->bytes, preface, PREFACE_LEN) == 0;
    return meter->has_preface ? PREFACE_LEN : input->size;
}

size_t http2_guard(struct peer *peer, enum http2_verdict *verdict) {
    struct http2_meter *meter = &peer->meter;
    h2o_buffer_t **input = &peer->socket->input;
    size_t passed = 0;
    if (meter->is_over) { /* the end has been said */
        (*input)->size = 0;
        return 0;
    }
    if (!meter->has_preface) {
        passed = preface_read(meter, *input);
        if (!meter->has_preface)
            return passed;
    }
    while (passed < (*input)->size) {
        struct unit unit = unit_read((const unsigned char *)(*input)->bytes + passed, (*input)->size - passed);
        enum judgement judgement = unit.len ? unit_judge(peer, &unit, passed) : UNIT_WAITS;
        if (judgement == UNIT_PASSES) {
            passed += unit.len;
        } else if (judgement == UNIT_GOES) {
            h2o_buffer_consume(input, unit.len);
        } else if (judgement == UNIT_WAITS) {
            return passed;
        } else if (judgement == UNIT_ALONE) {
            return passed + unit_read((const unsigned char *)(*input)->bytes, (*input)->size).len;
        } else {
            (*input)->size = passed;
            meter->is_over = judgement == UNIT_ENDS;
            *verdict = meter->is_over ? HTTP2_END : HTTP2_CUT;
            return passed;
        }
    }
    return passed;
}

/* --- the connection --- */

void http2_prepare(void) {
    H2O_TOKEN_CACHE_DIGEST->http2_should_reject = 1;
    /* Malformed is the request, not the connection (RFC 9113 §8.2.2): exchange.c. */
    H2O_TOKEN_CONNECTION->http2_should_reject = 0;
    H2O_TOKEN_TRANSFER_ENCODING->http2_should_reject = 0;
    H2O_TOKEN_UPGRADE->http2_should_reject = 0;
    H2O_TOKEN_TE->http2_should_reject = 0;
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
