/* One request and its answer: from h2o into a value, onto a fiber, and back. */
#include "server/wire.h"

#include "base/metrics.h"
#include "fiber/fiber.h"
#include "server/route.h"

/* Of a request: names and values of its headers together, their number, its target. (Of HTTP/1 libh2o itself takes 100
 * headers; of HTTP/2 http2_guard.c lets no more than a few of them through.) */
enum {
    PATH_LEN_MAX = 16 * 1024,
    HEADERS_LEN_MAX = 32 * 1024,
    HEADERS_MAX = 200,
    ACCEPT_LEN_MAX = 1024,
    METHOD_LEN_MAX = 64,
    ANSWER_HEADERS_MAX = 20,
};

struct exchange;

/* Lives in the h2o request's pool and dies with it; `exchange` lives on until its fiber has ended. */
struct anchor {
    h2o_linklist_t link; /* in worker->arrived until started */
    struct in_flight in_flight;
    h2o_req_t *req;
    struct peer *peer;
    struct exchange *exchange;
    enum error refusal; /* what it is answered with, whatever it asks */
    bool is_answered;
};

struct exchange {
    h2o_linklist_t link; /* in worker->finished */
    struct worker *worker;
    struct generation *generation;
    struct anchor *anchor; /* NULL when the peer has left */
    struct arena arena;
    struct request request;
    struct response response;
};

static void anchor_dispose(void *data) {
    struct anchor *anchor = data;
    if (h2o_linklist_is_linked(&anchor->link))
        h2o_linklist_unlink(&anchor->link);
    if (anchor->exchange) {
        anchor->exchange->anchor = NULL;
        anchor->exchange->request.peer_gone = true;
    }
    peer_request_gone(anchor->peer, &anchor->in_flight, anchor->is_answered);
}

/* The lists are worked off when this turn of the loop has read all that there was, and before it waits again: h2o then
 * finds the answers written, and need not tell the kernel to stop and to resume reading (two system calls a request).
 */
static void turn_want(struct worker *worker) {
    if (!h2o_timeout_is_linked(&worker->turn_entry))
        h2o_timeout_link(worker->context.loop, &worker->context.zero_timeout, &worker->turn_entry);
}

/* HTTP/1.1 goes on but for the option "close" (RFC 9112 §9.3); with libh2o any other option than "keep-alive" ends it.
 */
static void persistence_set(h2o_req_t *req) {
    if (req->version != 0x101)
        return;
    bool is_last = req->conn->ctx->shutdown_requested;
    ssize_t at = -1;
    while ((at = h2o_find_header(&req->headers, H2O_TOKEN_CONNECTION, at)) >= 0) {
        const h2o_iovec_t *options = &req->headers.entries[at].value;
        is_last = is_last || h2o_contains_token(options->base, options->len, H2O_STRLIT("close"), ',');
    }
    req->http1_is_persistent = !is_last;
}

/* Called by h2o in the middle of its reading: a burst of requests may already be followed by their
 * resets, so nothing starts before all is read. */
int exchange_on_request(h2o_handler_t *handler, h2o_req_t *req) {
    (void)handler;
    struct peer *peer = peer_of(req);
    struct anchor *anchor = h2o_mem_alloc_shared(&req->pool, sizeof(*anchor), anchor_dispose);
    *anchor = (struct anchor){.req = req, .peer = peer, .refusal = peer->refusal};
    persistence_set(req);
    h2o_linklist_insert(&peer->worker->arrived, &anchor->link);
    peer_request_came(peer, &anchor->in_flight);
    turn_want(peer->worker);
    return 0;
}

static struct slice copy_of(struct arena *arena, h2o_iovec_t text) {
    return arena_copy(arena, (struct slice){text.base, text.len});
}

/* Where the header of that name is kept, or NULL. */
static struct slice *header_slot(struct request *request, const h2o_header_t *header) {
    if (h2o_iovec_is_token(header->name)) {
        const h2o_token_t *token = H2O_STRUCT_FROM_MEMBER(h2o_token_t, buf, header->name);
        return token == H2O_TOKEN_AUTHORIZATION     ? &request->authorization
               : token == H2O_TOKEN_CONTENT_TYPE    ? &request->content_type
               : token == H2O_TOKEN_COOKIE          ? &request->cookie
               : token == H2O_TOKEN_ACCEPT          ? &request->accept
               : token == H2O_TOKEN_ACCEPT_LANGUAGE ? &request->accept_language
               : token == H2O_TOKEN_USER_AGENT      ? &request->user_agent
                                                    : NULL;
    }
    struct slice name = {header->name->base, header->name->len};
    return slice_is(name, "origin")               ? &request->origin
           : slice_is(name, "sec-fetch-site")     ? &request->sec_fetch_site
           : slice_is(name, "x-chutes-hotkey")    ? &request->hotkey
           : slice_is(name, "x-chutes-signature") ? &request->signature
           : slice_is(name, "x-chutes-nonce")     ? &request->nonce
           : slice_is(name, "x-csrf-token")       ? &request->csrf_token
           : slice_is(name, "dpop")               ? &request->dpop
                                                  : NULL;
}

/* HTTP/2 splits it (RFC 9113 §8.2.3). */
static struct slice cookies_join(struct arena *arena, const h2o_headers_t *headers, ssize_t first) {
    size_t len = 0;
    for (ssize_t i = first; i >= 0; i = h2o_find_header(headers, H2O_TOKEN_COOKIE, i))
        len += headers->entries[i].value.len + 2;
    char *at = arena_alloc(arena, len), *out = at;
    for (ssize_t i = first; i >= 0; i = h2o_find_header(headers, H2O_TOKEN_COOKIE, i)) {
        const h2o_iovec_t value = headers->entries[i].value;
        memcpy(out, value.base, value.len);
        memcpy(out + value.len, "; ", 2);
        out += value.len + 2;
    }
    return (struct slice){at, len - 2};
}

/* Of the list as it stands with libh2o, which a few bytes of HPACK can make long: nothing of it is copied before. */
static bool headers_are_too_large(const h2o_req_t *req) {
    const h2o_headers_t *headers = &req->headers;
    size_t total = req->input.authority.len;
    for (size_t i = 0; i < headers->size && i < HEADERS_MAX; i++)
        total += headers->entries[i].name->len + headers->entries[i].value.len;
    return headers->size > HEADERS_MAX || total > HEADERS_LEN_MAX;
}

/* A refusal is a page where a browser asks for one: what tells is read also of a list that is too large. */
static void accept_read(struct request *request, const h2o_headers_t *headers) {
    ssize_t at = h2o_find_header(headers, H2O_TOKEN_ACCEPT, -1);
    if (at >= 0 && headers->entries[at].value.len <= ACCEPT_LEN_MAX)
        request->accept = copy_of(request->arena, headers->entries[at].value);
}

/* RFC 9113 §8.2.2 */
static bool is_of_connection(const h2o_header_t *header) {
    const h2o_iovec_t *name = header->name;
    return name == &H2O_TOKEN_CONNECTION->buf || name == &H2O_TOKEN_TRANSFER_ENCODING->buf ||
           name == &H2O_TOKEN_UPGRADE->buf || h2o_memis(name->base, name->len, H2O_STRLIT("keep-alive")) ||
           h2o_memis(name->base, name->len, H2O_STRLIT("proxy-connection")) ||
           (name == &H2O_TOKEN_TE->buf && !h2o_lcstris(header->value.base, header->value.len, H2O_STRLIT("trailers")));
}

static enum error headers_read(struct request *request, const h2o_req_t *req) {
    const h2o_headers_t *headers = &req->headers;
    if (headers_are_too_large(req)) {
        accept_read(request, headers);
        return fail(request, ERROR_HEADERS_TOO_LARGE, NULL);
    }
    request->host = copy_of(request->arena, req->input.authority);
    enum error error = ERROR_NONE;
    for (size_t i = 0; i < headers->size; i++) {
        const h2o_header_t *header = &headers->entries[i];
        if (header->name->len == 0)
            error = fail(request, ERROR_BAD_REQUEST, "A folded header line is not accepted.");
        struct slice *slot = header_slot(request, header);
        if (!slot && req->version >= 0x200 && is_of_connection(header))
            error = fail(request, ERROR_BAD_REQUEST, "HTTP/2 has no header %.*s.", (int)header->name->len,
                         header->name->base);
        if (!slot)
            continue;
        if (!slice_is_set(*slot))
            *slot = slot == &request->cookie ? cookies_join(request->arena, headers, (ssize_t)i)
                                             : copy_of(request->arena, header->value);
        else if (slot != &request->cookie && slot != &request->accept && slot != &request->accept_language)
            error = fail(request, ERROR_BAD_REQUEST, "The header %.*s is given twice.", (int)header->name->len,
                         header->name->base);
    }
    return error;
}

/* http1_guard reads ahead, and numbers heads as libh2o does. */
static bool head_is_ambiguous(h2o_req_t *req, const struct peer *peer) {
    if (peer->is_http2 || !peer->http1.ambiguous)
        return false;
    h2o_iovec_t number = req->conn->callbacks->log_.http1.request_index(req);
    return strtoull(number.base, NULL, 10) == peer->http1.ambiguous;
}

static void request_id_write(struct worker *worker, char id[REQUEST_ID_LEN + 1]) {
    static const char hex[] = "0123456789abcdef";
    uint64_t number = worker->request_count++;
    memcpy(id, worker->request_prefix, 8);
    for (int i = REQUEST_ID_LEN; i-- > 8; number >>= 4)
        id[i] = hex[number & 15];
    id[REQUEST_ID_LEN] = '\0';
}

static size_t scheme_len(struct slice target) {
    static const struct slice schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
        if (target.len > schemes[i].len && strncasecmp(target.at, schemes[i].at, schemes[i].len) == 0)
            return schemes[i].len;
    return 0;
}

/* A whole URL as the target is taken for its path and query (RFC 9112 §3.2.2). */
static struct slice origin_form(struct arena *arena, struct slice target) {
    size_t scheme = scheme_len(target);
    if (!scheme)
        return target;
    struct slice rest = slice_from(target, scheme);
    size_t slash = slice_find(rest, '/'), question = slice_find(rest, '?');
    if (slash < question)
        return slice_from(rest, slash);
    return arena_printf(arena, "/%.*s", SLICE_ARG(slice_from(rest, question)));
}

/* One that is too long is none that anybody knows, also without its end. */
static h2o_iovec_t method_of(const h2o_req_t *req) {
    h2o_iovec_t method = req->input.method;
    return h2o_iovec_init(method.base, method.len < METHOD_LEN_MAX ? method.len : METHOD_LEN_MAX);
}

/* Copies all that the endpoint may need. What the wire refuses is an error here, for the renderer. */
static enum error request_read(struct exchange *exchange, h2o_req_t *req) {
    struct request *request = &exchange->request;
    struct arena *arena = &exchange->arena;
    struct slice target = origin_form(arena, (struct slice){req->input.path.base, req->input.path.len});
    size_t question = slice_find(target, '?');
    *request = (struct request){
        .arena = arena,
        .service = &exchange->generation->service,
        .method = copy_of(arena, method_of(req)),
        .address = arena_copy(arena, slice_of(exchange->anchor->peer->address)),
        .is_tls = req->scheme == &H2O_URL_SCHEME_HTTPS,
    };
    request_id_write(exchange->worker, request->id);
    if (target.len > PATH_LEN_MAX) {
        request->path = SLICE("(too long)");
        return fail(request, ERROR_URI_TOO_LONG, NULL);
    }
    request->path = arena_copy(arena, (struct slice){target.at, question});
    if (question < target.len)
        request->query_text = arena_copy(arena, slice_from(target, question + 1));
    if (head_is_ambiguous(req, exchange->anchor->peer))
        return fail(request, ERROR_BAD_REQUEST,
                    "Ambiguous framing: Host and Content-Length come once, without Transfer-Encoding.");
    enum error error = headers_read(request, req);
    if (error)
        return error;
    if (target.len == 0)
        return fail(request, ERROR_BAD_REQUEST, "The request is malformed (RFC 9113 §8.3.1).");
    if (exchange->anchor->refusal == ERROR_REQUEST_TIMEOUT)
        return fail(request, ERROR_REQUEST_TIMEOUT, NULL);
    if (exchange->anchor->refusal || (int64_t)req->entity.len > exchange->worker->config->settings->body_max_bytes)
        return fail(request, ERROR_BODY_TOO_LARGE, "%s", exchange->worker->too_large);
    request->body = copy_of(arena, req->entity);
    return ERROR_NONE;
}

static void finish(struct exchange *exchange, struct response response) {
    exchange->response = response;
    h2o_linklist_insert(&exchange->worker->finished, &exchange->link);
    turn_want(exchange->worker);
}

static void exchange_run(void *data) {
    struct exchange *exchange = data;
    fiber_budget_set(exchange->worker->config->settings->store_timeout_ms);
    finish(exchange, route_run(&exchange->request));
}

static void exchange_begin(struct worker *worker, struct anchor *anchor) {
    struct arena arena;
    arena_init(&arena);
    struct exchange *exchange = arena_zalloc(&arena, sizeof(*exchange));
    exchange->arena = arena;
    exchange->worker = worker;
    exchange->generation = worker->generation;
    exchange->generation->requests++;
    exchange->anchor = anchor;
    anchor->exchange = exchange;
    worker->exchange_count++;
    enum error error = request_read(exchange, anchor->req);
    if (!error && fiber_start(exchange_run, exchange))
        return;
    if (error) /* where this request ends is not known for sure (RFC 9112 §6.3) */
        anchor->req->http1_is_persistent = 0;
    finish(exchange, route_refuse(&exchange->request, error ? error : ERROR_OVERLOADED));
}

static const char *reason_of(int status) {
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {201, "Created"},
                   {204, "No Content"},
                   {302, "Found"},
                   {303, "See Other"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {408, "Request Timeout"},
                   {409, "Conflict"},
                   {413, "Content Too Large"},
                   {414, "URI Too Long"},
                   {415, "Unsupported Media Type"},
                   {422, "Unprocessable Content"},
                   {429, "Too Many Requests"},
                   {431, "Request Header Fields Too Large"},
                   {500, "Internal Server Error"},
                   {503, "Service Unavailable"}};
    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

/* Puts a copy at *room, which is large enough. */
static void add_header(h2o_req_t *req, const char *name, struct slice value, char **room) {
    bool is_http2 = req->version >= 0x200; /* which packs the names that it knows */
    memcpy(*room, value.at, value.len);
    h2o_add_header_by_str(&req->pool, &req->res.headers, name, strlen(name), is_http2, NULL, *room, value.len);
    *room += value.len;
}

static size_t size_of(const struct response *response) {
    size_t size = REQUEST_ID_LEN + response->body.len;
    for (size_t i = 0; i < response->header_count; i++)
        size += response->headers[i].value.len;
    return size;
}

static void response_write(h2o_req_t *req, const struct request *request, const struct response *response) {
    static h2o_generator_t generator = {NULL, NULL};
    req->res.status = response->status;
    req->res.reason = reason_of(response->status);
    h2o_vector_reserve(&req->pool, &req->res.headers, ANSWER_HEADERS_MAX);
    if (response->content_type)
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, response->content_type,
                       strlen(response->content_type));
    char *room = h2o_mem_alloc_pool(&req->pool, size_of(response));
    for (size_t i = 0; i < response->header_count; i++)
        add_header(req, response->headers[i].name, response->headers[i].value, &room);
    add_header(req, "x-request-id", (struct slice){request->id, REQUEST_ID_LEN}, &room);
    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("x-content-type-options"), 0, NULL,
                          H2O_STRLIT("nosniff"));
    h2o_iovec_t body = h2o_iovec_init(room, response->body.len);
    if (body.len)
        memcpy(room, response->body.at, body.len);
    bool has_body = body.len && !slice_is(request->method, "HEAD");
    req->res.content_length = body.len;
    h2o_start_response(req, &generator);
    h2o_send(req, &body, has_body ? 1 : 0, H2O_SEND_STATE_FINAL);
}

static void exchange_free(struct exchange *exchange) {
    exchange->worker->exchange_count--;
    worker_leave(exchange->generation);
    struct arena arena = exchange->arena; /* the exchange is inside it */
    arena_free(&arena);
}

/* What it did, nobody is told. */
static void untell(const struct request *request) {
    for (size_t i = 0; i < request->work_count; i++)
        db_untold(request->service->db, request->works[i]);
}

static void exchange_send(struct exchange *exchange) {
    struct anchor *anchor = exchange->anchor;
    if (!anchor || exchange->request.error == ERROR_STORE_UNAVAILABLE)
        untell(&exchange->request);
    if (anchor) {
        anchor->exchange = NULL;
        anchor->is_answered = true;
        peer_enter(anchor->peer);
        if (exchange->worker->is_draining) {
            anchor->req->http1_is_persistent = 0;
            if (anchor->peer->is_http2)
                http2_leave_with_answer(anchor->peer, exchange->worker->now_ms);
        }
        response_write(anchor->req, &exchange->request, &exchange->response);
        peer_leave(exchange->worker);
    } else {
        metric_add(METRIC_dropped_answers, 1);
    }
    exchange_free(exchange);
}

static void finished_send(struct worker *worker) {
    while (!h2o_linklist_is_empty(&worker->finished)) {
        struct exchange *exchange = H2O_STRUCT_FROM_MEMBER(struct exchange, link, worker->finished.next);
        h2o_linklist_unlink(&exchange->link);
        exchange_send(exchange);
    }
}

/* One that did not have to wait is sent before the next begins, in memory that is still warm. */
void exchanges_turn(h2o_timeout_entry_t *entry) {
    struct worker *worker = H2O_STRUCT_FROM_MEMBER(struct worker, turn_entry, entry);
    finished_send(worker);
    while (!h2o_linklist_is_empty(&worker->arrived)) {
        struct anchor *anchor = H2O_STRUCT_FROM_MEMBER(struct anchor, link, worker->arrived.next);
        h2o_linklist_unlink(&anchor->link);
        exchange_begin(worker, anchor);
        finished_send(worker);
    }
}
