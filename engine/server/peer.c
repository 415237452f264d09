/* Connections: how many there may be, how long they may be useless, and when one is cut. libh2o 2.2.5
 * guards against little of this itself (traps.md). */
#include "server/wire.h"

#include "base/clock.h"
#include "base/metrics.h"

#include <netdb.h>
#include <netinet/tcp.h>

enum {
    ACCEPTS_PER_TURN = 64,
    USELESS_BYTES_MAX = 4 << 20, /* read without a request coming of it: header floods */
    DRAIN_GRACE_MS = 300,        /* an idle connection may still send a request that is on its way */
    HTTP2_FRAME_HEADER = 9,
};

/* An IPv6 host has a /64 to itself. Addresses that share a slot share its budget: 1 in 4096. */
static uint16_t slot_of(const struct worker *worker, const struct sockaddr *address) {
    const unsigned char *bytes = NULL;
    size_t len = 0;
    if (address->sa_family == AF_INET) {
        bytes = (const unsigned char *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
        len = 4;
    } else if (address->sa_family == AF_INET6) {
        bytes = (const unsigned char *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        len = 8;
    }
    uint32_t hash = 2166136261u ^ worker->address_seed;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return (uint16_t)((hash ^ hash >> 16) % ADDRESS_SLOTS);
}

/* How many connections an address may have: as many as are set, but where all that there may be are more than that, no
 * more than are left for the others. So whoever has few gets in while an address that has many tries for all. */
static int64_t address_max(const struct worker *worker) {
    const struct settings *settings = worker->config->settings;
    int64_t most = settings->connections_per_address_max,
            left = settings->connections_max - (int64_t)worker->peer_count;
    return most < settings->connections_max && left < most ? left : most;
}

static void on_close(void *data) {
    struct peer *peer = data;
    struct worker *worker = peer->worker;
    h2o_linklist_unlink(&peer->link);
    worker->inside = worker->inside == peer ? NULL : worker->inside;
    worker->address_counts[peer->address_slot]--;
    worker->peer_count--;
    metric_add(METRIC_connections, -1);
    free(peer);
    if (!worker->is_accepting && !worker->is_draining)
        listeners_start(worker);
}

/* h2o closes the connection when it reads the end of it; until then it would work off what it has
 * buffered, so that is cut behind the frame that is being handled. */
static void peer_cut(struct peer *peer) {
    if (peer->is_cut)
        return;
    peer->is_cut = true;
    metric_add(METRIC_cut_connections, 1);
    shutdown(h2o_socket_get_fd(peer->socket), SHUT_RDWR);
}

/* --- between h2o and its socket --- */

static void on_read(h2o_socket_t *socket, const char *error);
static void on_written(h2o_socket_t *socket, const char *error);

void peer_enter(struct peer *peer) {
    peer->worker->inside = peer;
}

void peer_leave(struct worker *worker) {
    struct peer *peer = worker->inside;
    worker->inside = NULL;
    if (!peer)
        return;
    struct st_h2o_socket_t *socket = peer->socket;
    if (socket->_cb.read && socket->_cb.read != on_read) {
        peer->read = socket->_cb.read;
        socket->_cb.read = on_read;
    }
    if (socket->_cb.write && socket->_cb.write != on_written) {
        peer->written = socket->_cb.write;
        socket->_cb.write = on_written;
    }
}

static void on_written(h2o_socket_t *socket, const char *error) {
    struct peer *peer = socket->on_close.data;
    struct worker *worker = peer->worker;
    peer_enter(peer);
    peer->written(socket, error);
    peer_leave(worker);
}

static void on_write_timer(h2o_timeout_entry_t *entry) {
    struct peer *peer = http2_socket_of(entry)->on_close.data;
    struct worker *worker = peer->worker;
    peer_enter(peer);
    peer->write_timer(entry);
    peer_leave(worker);
}

/* Looks at the last `fresh` bytes of the input, and leaves in it what h2o may have. */
static enum http2_verdict input_check(struct peer *peer, size_t fresh) {
    h2o_socket_t *socket = peer->socket;
    peer->useless_bytes += fresh;
    if (peer->useless_bytes > USELESS_BYTES_MAX) {
        peer_cut(peer);
        socket->input->size -= fresh;
        fresh = 0;
    }
    if (peer->is_http2)
        return http2_guard(socket->input, &peer->meter);
    h2o_buffer_reserve(&socket->input, CHUNKED_SLACK);
    socket->input->size = http1_guard(&peer->http1, socket->input->bytes, socket->input->size, fresh);
    return HTTP2_SOUND;
}

static void verdict_enforce(struct worker *worker, enum http2_verdict verdict) {
    if (worker->inside && verdict == HTTP2_CUT)
        peer_cut(worker->inside);
    else if (worker->inside && verdict == HTTP2_END)
        http2_end(worker->inside->socket);
}

static void on_read(h2o_socket_t *socket, const char *error) {
    struct peer *peer = socket->on_close.data;
    struct worker *worker = peer->worker;
    peer_enter(peer);
    if (peer->is_http2)
        http2_before_read(socket);
    enum http2_verdict verdict = input_check(peer, socket->bytes_read); /* of this read alone */
    peer->read(socket, error);
    verdict_enforce(worker, verdict);
    peer_leave(worker);
}

/* What is here already is worked off at once, and may close the connection. */
static void protocol_begin(struct peer *peer, bool is_http2) {
    struct worker *worker = peer->worker;
    struct timeval now = *h2o_get_timestamp(&worker->context, NULL, NULL);
    peer->has_begun = true;
    peer->is_http2 = is_http2;
    enum http2_verdict verdict = input_check(peer, peer->socket->input->size);
    peer_enter(peer);
    if (is_http2)
        h2o_http2_accept(&worker->accept, peer->socket, now);
    else
        h2o_http1_accept(&worker->accept, peer->socket, now);
    if (worker->inside && is_http2)
        peer->write_timer = http2_on_write_timer(peer->socket, on_write_timer);
    verdict_enforce(worker, verdict);
    peer_leave(worker);
}

/* Plain text: HTTP/2 with prior knowledge begins with its preface (RFC 9113 §3.4); h2o would look for it
 * only where it also offers the h2c upgrade. */
static void on_first_bytes(h2o_socket_t *socket, const char *error) {
    static const struct slice preface = {"PRI * HTTP/2.0\r\n", 16};
    if (error) {
        h2o_socket_close(socket);
        return;
    }
    size_t seen = socket->input->size < preface.len ? socket->input->size : preface.len;
    bool may_be_http2 = memcmp(socket->input->bytes, preface.at, seen) == 0;
    if (may_be_http2 && seen < preface.len)
        return; /* more to come, or the sweep closes it */
    h2o_socket_read_stop(socket);
    protocol_begin(socket->on_close.data, may_be_http2);
}

/* TLS: what ALPN chose (RFC 7301). The first requests may have come with the handshake's end. */
static void on_handshake(h2o_socket_t *socket, const char *error) {
    if (error) {
        h2o_socket_close(socket);
        return;
    }
    h2o_iovec_t chosen = h2o_socket_ssl_get_selected_protocol(socket);
    bool is_http2 = false;
    for (const h2o_iovec_t *name = h2o_http2_alpn_protocols; name->len; name++)
        is_http2 = is_http2 || h2o_memis(chosen.base, chosen.len, name->base, name->len);
    protocol_begin(socket->on_close.data, is_http2);
}

static void peer_begin(struct worker *worker, h2o_socket_t *socket) {
    struct sockaddr_storage address;
    socklen_t size = h2o_socket_getpeername(socket, (struct sockaddr *)&address);
    uint16_t slot = slot_of(worker, (struct sockaddr *)&address);
    if (size == 0 || worker->address_counts[slot] >= address_max(worker)) {
        metric_add(METRIC_refused_connections, 1);
        h2o_socket_close(socket);
        return;
    }
    struct peer *peer = h2o_mem_alloc(sizeof(*peer));
    *peer = (struct peer){.worker = worker, .socket = socket, .address_slot = slot, .useful_ms = worker->now_ms};
    if (getnameinfo((struct sockaddr *)&address, size, peer->address, sizeof(peer->address), NULL, 0, NI_NUMERICHOST))
        peer->address[0] = '\0';
    unsigned timeout_ms = (unsigned)worker->config->settings->request_timeout_ms;
    setsockopt(h2o_socket_get_fd(socket), IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
    h2o_linklist_init_anchor(&peer->requests);
    h2o_linklist_insert(&worker->peers, &peer->link);
    worker->address_counts[slot]++;
    worker->peer_count++;
    metric_add(METRIC_connections, 1);
    socket->on_close.cb = on_close;
    socket->on_close.data = peer;
    if (worker->accept.ssl_ctx)
        h2o_socket_ssl_handshake(socket, worker->accept.ssl_ctx, NULL, on_handshake);
    else
        h2o_socket_read_start(socket, on_first_bytes);
}

void peer_accept(h2o_socket_t *listener, const char *error) {
    struct worker *worker = listener->data;
    if (error)
        return;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        /* At the cap nothing more is accepted: the kernel's queue waits, and no descriptor runs out. */
        if ((int64_t)worker->peer_count >= worker->config->settings->connections_max) {
            listeners_stop(worker);
            return;
        }
        h2o_socket_t *socket = h2o_evloop_socket_accept(listener);
        if (!socket)
            return;
        peer_begin(worker, socket);
    }
}

void listeners_start(struct worker *worker) {
    worker->is_accepting = true;
    for (size_t i = 0; i < worker->config->settings->listen_count; i++)
        h2o_socket_read_start(worker->listeners[i], peer_accept);
}

void listeners_stop(struct worker *worker) {
    worker->is_accepting = false;
    for (size_t i = 0; i < worker->config->settings->listen_count; i++)
        h2o_socket_read_stop(worker->listeners[i]);
}

struct peer *peer_of(h2o_req_t *req) {
    return req->conn->callbacks->get_socket(req->conn)->on_close.data;
}

static void input_cut(h2o_socket_t *socket) {
    const unsigned char *at = (const unsigned char *)socket->input->bytes;
    if (socket->input->size < HTTP2_FRAME_HEADER)
        return;
    size_t frame = HTTP2_FRAME_HEADER + ((size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2]);
    if (frame < socket->input->size)
        socket->input->size = frame;
}

static void useful(struct peer *peer) {
    peer->useful_ms = peer->worker->now_ms;
    peer->useless_bytes = 0;
}

void peer_request_came(struct peer *peer, struct in_flight *request) {
    request->since_ms = peer->worker->now_ms;
    h2o_linklist_insert(&peer->requests, &request->link);
    peer->in_flight++;
    useful(peer);
}

void peer_request_gone(struct peer *peer, struct in_flight *request, bool answered) {
    h2o_linklist_unlink(&request->link);
    peer->in_flight--;
    useful(peer);
    if (answered) {
        peer->meter.abandoned -= peer->meter.abandoned > 0;
    } else if (peer->is_http2 && peer->meter.resets_seen > 0) {
        peer->meter.resets_seen--; /* counted as a frame */
    } else if (peer->is_http2 && ++peer->meter.abandoned >= HTTP2_ABANDONED_MAX) {
        peer_cut(peer);
        input_cut(peer->socket);
    }
}

static int64_t oldest_age_ms(const struct peer *peer, int64_t now_ms) {
    if (h2o_linklist_is_empty((h2o_linklist_t *)&peer->requests))
        return 0;
    return now_ms - H2O_STRUCT_FROM_MEMBER(struct in_flight, link, peer->requests.next)->since_ms;
}

void peers_sweep(struct worker *worker, int64_t now_ms) {
    const struct settings *settings = worker->config->settings;
    h2o_linklist_t *next;
    for (h2o_linklist_t *node = worker->peers.next; node != &worker->peers; node = next) {
        struct peer *peer = H2O_STRUCT_FROM_MEMBER(struct peer, link, node);
        next = node->next;
        int64_t useless_ms = now_ms - peer->useful_ms, oldest_ms = oldest_age_ms(peer, now_ms);
        bool is_shaking_hands = peer->socket->ssl && !peer->has_begun;
        int64_t limit_ms =
            peer->in_flight || is_shaking_hands ? settings->request_timeout_ms : settings->idle_timeout_ms;
        bool is_idle = !peer->in_flight && !(peer->socket->input && peer->socket->input->size);
        /* Whoever goes on asking does not read the answer of an older request: that one has its own time. */
        if (useless_ms > limit_ms || oldest_ms > settings->request_timeout_ms)
            peer_cut(peer);
        else if (worker->is_draining && is_idle && useless_ms > DRAIN_GRACE_MS)
            shutdown(h2o_socket_get_fd(peer->socket), SHUT_RDWR);
    }
}

void peers_cut_all(struct worker *worker) {
    for (h2o_linklist_t *node = worker->peers.next; node != &worker->peers; node = node->next)
        peer_cut(H2O_STRUCT_FROM_MEMBER(struct peer, link, node));
}
