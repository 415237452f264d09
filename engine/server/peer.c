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
    DRAIN_GRACE_MS = 1000,       /* an idle connection may still send a request that is on its way */
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

/* HTTP/2 is told why, when h2o is not at work on it (peer_leave). HTTP/1 has no words for that: h2o closes the
 * connection when it reads the end of it. */
static void peer_cut(struct peer *peer, const char *reason) {
    if (peer->cut_reason)
        return;
    peer->cut_reason = reason;
    metric_add(METRIC_cut_connections, 1);
    if (!peer->is_http2)
        shutdown(h2o_socket_get_fd(peer->socket), SHUT_RDWR);
}

/* --- between h2o and its socket --- */

static void on_read(h2o_socket_t *socket, const char *error);
static void on_written(h2o_socket_t *socket, const char *error);

void peer_enter(struct peer *peer) {
    peer->worker->inside = peer;
}

static void cut_tell(struct peer *peer) {
    if (!peer->is_http2 || !peer->cut_reason || peer->is_ended)
        return;
    peer->is_ended = true;
    http2_close(peer->socket, true, peer->cut_reason);
}

/* h2o's callbacks, which it sets again when it likes, behind ours. */
static void callbacks_take(struct peer *peer) {
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

void peer_leave(struct worker *worker) {
    struct peer *peer = worker->inside;
    if (peer && peer->has_begun) {
        cut_tell(peer);
        callbacks_take(peer);
    }
    worker->inside = NULL;
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

/* Looks at the last `fresh` bytes of the input: a flood that comes to nothing is cut. */
static void input_weigh(struct peer *peer, size_t fresh) {
    peer->useless_bytes += fresh;
    if (peer->useless_bytes <= USELESS_BYTES_MAX)
        return;
    peer_cut(peer, "too much was sent without a request");
    peer->socket->input->size -= fresh;
}

static void http1_input(struct peer *peer, size_t fresh) {
    h2o_buffer_t **input = &peer->socket->input;
    input_weigh(peer, fresh);
    fresh = peer->cut_reason ? 0 : fresh;
    h2o_buffer_reserve(input, CHUNKED_SLACK);
    (*input)->size = http1_guard(&peer->http1, (*input)->bytes, (*input)->size, fresh);
}

bool peer_feed(struct peer *peer, size_t size) {
    struct worker *worker = peer->worker;
    h2o_socket_t *socket = peer->socket;
    size_t hidden = socket->input->size - size;
    char *copy = hidden ? h2o_mem_alloc(hidden) : NULL; /* h2o frees a buffer that is worked off */
    if (hidden)
        memcpy(copy, socket->input->bytes + size, hidden);
    socket->input->size = size;
    peer->read(socket, NULL);
    bool goes_on = worker->inside && !socket->input->size; /* or it is closing, and what is left nobody reads */
    if (goes_on && hidden && !peer->cut_reason) {
        memcpy(h2o_buffer_reserve(&socket->input, hidden).base, copy, hidden);
        socket->input->size += hidden;
    }
    free(copy);
    if (goes_on)
        callbacks_take(peer);
    return goes_on;
}

/* Frame by frame where that matters (http2_guard). */
static void http2_input(struct peer *peer, size_t fresh) {
    enum http2_verdict verdict = HTTP2_SOUND;
    size_t size;
    input_weigh(peer, fresh);
    while (verdict == HTTP2_SOUND && !peer->cut_reason && (size = http2_guard(peer, &verdict))) {
        if (!peer_feed(peer, size))
            return;
        http2_bodies_begun(peer);
        if (!peer->worker->inside)
            return;
    }
    if (verdict == HTTP2_CUT)
        peer_cut(peer, "too many requests were given up");
    else if (verdict == HTTP2_END)
        http2_end(peer->socket);
}

static void on_read(h2o_socket_t *socket, const char *error) {
    struct peer *peer = socket->on_close.data;
    struct worker *worker = peer->worker;
    size_t fresh = socket->bytes_read; /* of this read alone */
    peer_enter(peer);
    if (error || !peer->is_http2) {
        if (!peer->is_http2)
            http1_input(peer, fresh);
        peer->read(socket, error);
    } else {
        http2_before_read(socket);
        http2_input(peer, fresh);
    }
    peer_leave(worker);
}

/* What is here already is worked off at once, and may close the connection. */
static void protocol_begin(struct peer *peer, bool is_http2) {
    struct worker *worker = peer->worker;
    struct timeval now = *h2o_get_timestamp(&worker->context, NULL, NULL);
    size_t size = peer->socket->input->size;
    peer->has_begun = true;
    peer->is_http2 = is_http2;
    peer_enter(peer);
    if (is_http2) {
        peer->socket->input->size = 0; /* h2o would work it off at once */
        h2o_http2_accept(&worker->accept, peer->socket, now);
        peer->socket->input->size = size;
        peer->write_timer = http2_on_write_timer(peer->socket, on_write_timer);
        callbacks_take(peer);
        http2_input(peer, size);
    } else {
        http1_input(peer, size);
        h2o_http1_accept(&worker->accept, peer->socket, now);
    }
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
    peer->meter.thrown_away = 0;
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
        peer_cut(peer, "too many requests were given up");
        input_cut(peer->socket);
    }
}

static int64_t oldest_age_ms(const struct peer *peer, int64_t now_ms) {
    if (h2o_linklist_is_empty((h2o_linklist_t *)&peer->requests))
        return 0;
    return now_ms - H2O_STRUCT_FROM_MEMBER(struct in_flight, link, peer->requests.next)->since_ms;
}

/* What waits for nothing, and for nobody. */
static void idle_end(struct peer *peer) {
    if (!peer->is_http2) {
        peer_cut(peer, "idle");
    } else if (!peer->is_ended) {
        peer->is_ended = true;
        http2_close(peer->socket, false, "idle timeout");
    }
}

static void peer_drain(struct peer *peer, int64_t now_ms, bool is_idle) {
    if (peer->is_http2 && peer->meter.has_preface)
        http2_leave(peer, now_ms);
    else if (is_idle && now_ms - peer->worker->drain_since_ms > DRAIN_GRACE_MS)
        shutdown(h2o_socket_get_fd(peer->socket), SHUT_RDWR);
}

static void peer_sweep(struct peer *peer, int64_t now_ms) {
    const struct settings *settings = peer->worker->config->settings;
    struct worker *worker = peer->worker;
    while (worker->inside && peer->is_http2 && http2_is_receiving(peer->socket) &&
           http2_body_late(peer, settings->request_timeout_ms))
        ;
    if (!worker->inside)
        return;
    if (peer->is_ended) { /* it is still here: it does not read */
        shutdown(h2o_socket_get_fd(peer->socket), SHUT_RDWR);
        return;
    }
    int64_t useless_ms = now_ms - peer->useful_ms, oldest_ms = oldest_age_ms(peer, now_ms);
    bool is_shaking_hands = peer->socket->ssl && !peer->has_begun;
    bool is_receiving = peer->is_http2 && http2_is_receiving(peer->socket);
    bool is_busy = peer->in_flight || is_shaking_hands;
    bool is_idle = !peer->in_flight && !(peer->socket->input && peer->socket->input->size);
    /* Whoever goes on asking does not read the answer of an older request: that one has its own time. */
    if (oldest_ms > settings->request_timeout_ms || (is_busy && useless_ms > settings->request_timeout_ms))
        peer_cut(peer, "an answer was not read in time");
    else if (!is_busy && !is_receiving && useless_ms > settings->idle_timeout_ms)
        idle_end(peer);
    else if (worker->is_draining)
        peer_drain(peer, now_ms, is_idle);
}

void peers_sweep(struct worker *worker, int64_t now_ms) {
    h2o_linklist_t *next;
    for (h2o_linklist_t *node = worker->peers.next; node != &worker->peers; node = next) {
        struct peer *peer = H2O_STRUCT_FROM_MEMBER(struct peer, link, node);
        next = node->next;
        peer_enter(peer);
        peer_sweep(peer, now_ms);
        peer_leave(worker);
    }
}

void peers_cut_all(struct worker *worker, const char *reason) {
    h2o_linklist_t *next;
    for (h2o_linklist_t *node = worker->peers.next; node != &worker->peers; node = next) {
        struct peer *peer = H2O_STRUCT_FROM_MEMBER(struct peer, link, node);
        next = node->next;
        peer_enter(peer);
        peer_cut(peer, reason);
        peer_leave(worker);
    }
}
