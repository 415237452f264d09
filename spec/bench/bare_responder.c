/* The yardstick: libh2o with nothing behind it. Answers every request at once with as many bytes of JSON as its path
 * says ("/230"), under the headers that Moonlatch sends. HTTP/1.1 and HTTP/2 by prior knowledge, one thread.
 *
 *   bare_responder        prints its port */
#include "server/wire.h"

#include <netinet/in.h>
#include <stdio.h>

enum { SIZE_MAX_HERE = 64 * 1024 };

static char body[SIZE_MAX_HERE];
static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t accepting;

static void add(h2o_req_t *req, const char *name, const char *value) {
    h2o_add_header_by_str(&req->pool, &req->res.headers, name, strlen(name), 0, NULL, value, strlen(value));
}

static int on_request(h2o_handler_t *handler, h2o_req_t *req) {
    static h2o_generator_t generator = {NULL, NULL};
    (void)handler;
    size_t size = (size_t)atoi(req->path.base + 1);
    h2o_iovec_t answer = h2o_iovec_init(body, size < SIZE_MAX_HERE ? size : SIZE_MAX_HERE);
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = answer.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, H2O_STRLIT("application/json"));
    add(req, "access-control-allow-origin", "*");
    add(req, "cache-control", "no-store");
    add(req, "x-request-id", "0123456789abcdef");
    add(req, "x-content-type-options", "nosniff");
    h2o_start_response(req, &generator);
    h2o_send(req, &answer, 1, H2O_SEND_STATE_FINAL);
    return 0;
}

/* Both protocols on one port, told by their first byte, as Moonlatch does. */
static void on_first_bytes(h2o_socket_t *socket, const char *error) {
    if (error || socket->input->size == 0) {
        h2o_socket_close(socket);
        return;
    }
    h2o_socket_read_stop(socket);
    struct timeval now = *h2o_get_timestamp(&context, NULL, NULL);
    if (socket->input->size >= 3 && memcmp(socket->input->bytes, "PRI", 3) == 0)
        h2o_http2_accept(&accepting, socket, now);
    else
        h2o_http1_accept(&accepting, socket, now);
}

static void on_accept(h2o_socket_t *listener, const char *error) {
    h2o_socket_t *socket = error ? NULL : h2o_evloop_socket_accept(listener);
    if (socket)
        h2o_socket_read_start(socket, on_first_bytes);
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, 1024) ||
        getsockname(fd, (struct sockaddr *)&address, &size))
        return 1;
    memset(body, 'x', sizeof(body));
    h2o_config_init(&config);
    config.http2.max_concurrent_requests_per_connection = 100;
    h2o_hostconf_t *host = h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_request;
    h2o_context_init(&context, h2o_evloop_create(), &config);
    accepting = (h2o_accept_ctx_t){.ctx = &context, .hosts = config.hosts};
    h2o_socket_read_start(h2o_evloop_socket_create(context.loop, fd, H2O_SOCKET_FLAG_DONT_READ), on_accept);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;)
        h2o_evloop_run(context.loop, INT32_MAX);
}
