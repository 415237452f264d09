/* h2o answers some bad requests itself (a body over its limit, broken chunks, bad headers), as plain
 * text. A filter gives them the shape of every other error. */
#include "server/wire.h"

#include "base/json.h"

struct plain_error {
    h2o_ostream_t super;
    h2o_iovec_t json;
};

static void plain_error_send(h2o_ostream_t *stream, h2o_req_t *req, h2o_iovec_t *buffers, size_t count,
                             h2o_send_state_t state) {
    struct plain_error *self = (struct plain_error *)stream;
    (void)buffers;
    (void)count;
    bool is_final = state == H2O_SEND_STATE_FINAL;
    h2o_ostream_send_next(&self->super, req, &self->json, is_final ? 1 : 0, state);
}

static h2o_iovec_t json_of(h2o_req_t *req) {
    const char *text = req->res.status == 413 ? peer_of(req)->worker->too_large : error_kind(ERROR_BAD_REQUEST)->text;
    struct arena arena;
    arena_init(&arena);
    struct buffer json = buffer_in(&arena);
    buffer_add_text(&json, "{\"detail\":");
    json_write_text(&json, slice_of(text));
    buffer_add_byte(&json, '}');
    h2o_iovec_t copy = h2o_strdup(&req->pool, json.at, json.len);
    arena_free(&arena);
    return copy;
}

static void on_setup(h2o_filter_t *filter, h2o_req_t *req, h2o_ostream_t **slot) {
    (void)filter;
    ssize_t type = h2o_find_header(&req->res.headers, H2O_TOKEN_CONTENT_TYPE, -1);
    bool is_plain =
        type >= 0 && h2o_memis(req->res.headers.entries[type].value.base, req->res.headers.entries[type].value.len,
                               H2O_STRLIT("text/plain; charset=utf-8"));
    if (is_plain && req->res.status >= 400) {
        struct plain_error *self = (struct plain_error *)h2o_add_ostream(req, sizeof(*self), slot);
        slot = &self->super.next;
        self->super.do_send = plain_error_send;
        self->json = json_of(req);
        req->res.content_length = self->json.len;
        req->res.headers.entries[type].value = h2o_iovec_init(H2O_STRLIT("application/json"));
    }
    h2o_setup_next_ostream(req, slot);
}

void plain_error_register(h2o_pathconf_t *path) {
    h2o_filter_t *filter = h2o_create_filter(path, sizeof(*filter));
    filter->on_setup_ostream = on_setup;
}
