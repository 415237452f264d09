/* A live connection: libh2o's loop with what stands around it (peer.c, exchange.c, the guards), and an endpoint that
 * answers with what it was given. The first byte of an input says what the rest is:
 *   even  HTTP/1, sent whole and then in pieces (of one byte, or of what the byte says): the answers are the same;
 *   1, 3  HTTP/2, frames as they are; else frames of four bytes (type, flags, stream, length) and their payload.
 * When the peer has left nothing of it may be left. */
#include "fuzz.h"

#include "base/buffer.h"
#include "server/wire.h"

/* The endpoint, without a fiber. */
#include "fiber/fiber.h"
#include "server/route.h"
static struct response fuzz_answer(struct request *request, enum error error);
#define fiber_start(run, data) ((run)(data), true)
#define route_run(request) fuzz_answer(request, ERROR_NONE)
#define route_refuse(request, error) fuzz_answer(request, error)
#include "../../engine/server/exchange.c"
#undef fiber_start
#undef route_run
#undef route_refuse
#include "../../engine/server/peer.c"

#include <fcntl.h>
#include <sys/socket.h>

static struct response fuzz_answer(struct request *request, enum error error) {
    size_t headers = request->cookie.len + request->accept.len + request->authorization.len + request->host.len;
    FUZZ_CHECK(headers <= HEADERS_LEN_MAX + 2 * HEADERS_MAX);
    struct slice method = request->method;
    struct response response = response_json(arena_printf(request->arena, "[%d,%zu,%zu,%zu,%zu]\n", error, method.len,
                                                          request->path.len, headers, request->body.len));
    response.status = error ? error_kind(error)->status : 200;
    return response;
}

/* --- a worker without threads --- */

static struct settings settings = {
    .body_max_bytes = 4096,
    .connections_max = 10,
    .connections_per_address_max = 10,
    .streams_max = 8,
    .request_timeout_ms = 60000,
    .idle_timeout_ms = 60000,
    .drain_timeout_ms = 1000,
};
static struct server_config config = {.settings = &settings};
static struct generation generation;
static struct worker worker = {.config = &config, .generation = &generation, .is_accepting = true};

static void worker_make(void) {
    http2_prepare();
    h2o_config_init(&worker.globalconf);
    worker.globalconf.max_request_entity_size = 8192 + 16384;
    worker.globalconf.http1.req_timeout = 60000;
    worker.globalconf.http1.upgrade_to_http2 = 0;
    worker.globalconf.http2.idle_timeout = 60000;
    worker.globalconf.http2.max_concurrent_requests_per_connection = 8;
    h2o_hostconf_t *host = h2o_config_register_host(&worker.globalconf, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_handler_t *handler = h2o_create_handler(path, sizeof(*handler));
    handler->on_req = exchange_on_request;
    http2_table_register(path);
    plain_error_register(path);
    plain_error_register(&host->fallback_path);
    h2o_context_init(&worker.context, h2o_evloop_create(), &worker.globalconf);
    worker.accept = (h2o_accept_ctx_t){.ctx = &worker.context, .hosts = worker.globalconf.hosts};
    h2o_linklist_init_anchor(&worker.peers);
    h2o_linklist_init_anchor(&worker.arrived);
    h2o_linklist_init_anchor(&worker.finished);
    worker.turn_entry.cb = exchanges_turn;
    worker.now_ms = 1;
    generation.requests = 1; /* it is never closed */
}

static void turn(void) {
    for (int i = 0; i < 2; i++)
        h2o_evloop_run(worker.context.loop, 0);
}

/* --- a peer --- */

static int peer_make(void) {
    int pair[2];
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    peer_begin(&worker, h2o_evloop_socket_create(worker.context.loop, pair[0], H2O_SOCKET_FLAG_IS_ACCEPTED_CONNECTION));
    return pair[1];
}

static void answers_read(int fd, struct buffer *answers) {
    ssize_t got;
    while ((got = read(fd, buffer_reserve(answers, 65536), 65536)) > 0)
        answers->len += (size_t)got;
}

static struct slice answers_of(struct arena *arena, struct slice input, size_t step) {
    struct buffer answers = buffer_in(arena);
    int fd = peer_make();
    for (size_t at = 0; at < input.len; at += step) {
        size_t len = input.len - at < step ? input.len - at : step;
        if (send(fd, input.at + at, len, MSG_NOSIGNAL) < 0)
            break;
        turn();
        answers_read(fd, &answers);
    }
    turn();
    answers_read(fd, &answers);
    close(fd);
    for (int i = 0; i < 20 && worker.peer_count; i++)
        turn();
    FUZZ_CHECK(worker.peer_count == 0 && worker.exchange_count == 0);
    return buffer_slice(&answers);
}

/* Statuses and bodies, up to the refusal that ends the connection: libh2o leaves that out where a byte or two are wrong
 * as soon as they come. */
static struct slice gist_of(struct arena *arena, struct slice answers) {
    struct buffer gist = buffer_in(arena);
    while (slice_is_set(answers)) {
        struct slice line = slice_cut(&answers, '\n');
        if (slice_starts(line, "HTTP/1.1 400"))
            break;
        if (slice_starts(line, "HTTP/1.1 ") || slice_starts(line, "[") || slice_starts(line, "{"))
            buffer_add(&gist, line);
    }
    return buffer_slice(&gist);
}

static struct slice frames_of(struct arena *arena, struct slice input, bool is_raw) {
    struct buffer frames = buffer_in(arena);
    buffer_add(&frames, SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"));
    while (!is_raw && input.len >= 4) {
        size_t len = (unsigned char)input.at[3], rest = input.len - 4;
        len = len < rest ? len : rest;
        char head[9] = {0, 0, (char)len, (char)((unsigned char)input.at[0] % 11), input.at[1],
                        0, 0, 0,         (char)((unsigned char)input.at[2] % 16)};
        buffer_add(&frames, (struct slice){head, sizeof(head)});
        buffer_add(&frames, (struct slice){input.at + 4, len});
        input = slice_from(input, 4 + len);
    }
    buffer_add(&frames, input);
    return buffer_slice(&frames);
}

static void fuzz(struct arena *arena, struct slice input) {
    if (!worker.context.loop)
        worker_make();
    if (!input.len)
        return;
    unsigned mode = (unsigned char)input.at[0];
    input = slice_from(input, 1);
    if (mode & 1) {
        answers_of(arena, frames_of(arena, input, mode < 4), mode & 8 ? 7 : 65536);
        return;
    }
    struct slice whole = gist_of(arena, answers_of(arena, input, input.len + 1));
    struct slice bytes = gist_of(arena, answers_of(arena, input, mode >> 1 & 7 ? (mode >> 1 & 7) * 5 : 1));
    if (!slice_equal(whole, bytes))
        fprintf(stderr, "whole: %.*s\nbytes: %.*s\n", SLICE_ARG(whole), SLICE_ARG(bytes));
    FUZZ_CHECK(slice_equal(whole, bytes));
}
