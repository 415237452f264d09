/* What the files that know h2o share: workers, peers (connections) and exchanges. Internal to this
 * room. */
#ifndef SERVER_WIRE_H
#define SERVER_WIRE_H

#include "registry/upkeep.h"
#include "server/edition.h"
#include "server/error.h"
#include "server/http1_guard.h"
#include "server/http2_block.h"
#include "server/server.h"
#include "store/inbox.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

/* h2o's headers do not compile under -Wconversion and -Wshadow. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wextra"
#include <h2o.h>
#include <h2o/http1.h>
#include <h2o/http2.h>
#pragma GCC diagnostic pop

enum { ADDRESS_SLOTS = 4096, ADDRESS_TEXT_MAX = 64 };

struct worker_inbox {
    struct inbox inbox;
    h2o_multithread_receiver_t receiver;
};

struct worker {
    const struct server_config *config;
    struct generation *generation; /* of requests that begin now */
    struct db *db;
    struct audit *audit;
    struct signing *signing;
    bool does_chores; /* the one worker of a process that makes and retires signing keys, delivers logout tokens, … */
    bool is_storing_untold;
    pthread_t thread;
    char too_large[48]; /* what a body over the limit is told */
    h2o_globalconf_t globalconf;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
    struct worker_inbox inbox;
    const int *listen_fds; /* as many as settings->listen has */
    h2o_socket_t *listeners[LISTEN_MAX];
    bool is_accepting, is_draining;
    int64_t drain_since_ms, drain_until_ms;

    h2o_linklist_t peers;
    struct peer *inside; /* whose connection h2o is at work on; NULL when it has closed it meanwhile */
    size_t peer_count;
    uint16_t address_counts[ADDRESS_SLOTS]; /* connections by hash of the address */
    uint32_t address_seed;

    h2o_linklist_t arrived;         /* anchors of requests that have not started */
    h2o_linklist_t finished;        /* exchanges whose answer can be sent */
    h2o_timeout_entry_t turn_entry; /* linked while one of the two lists may hold something */
    h2o_linklist_t soon;            /* completions to run before the loop waits */
    h2o_timeout_entry_t soon_entry;
    size_t exchange_count; /* started and not freed */
    uint64_t request_count;
    char request_prefix[9]; /* of request ids: random, per worker */

    int64_t now_ms; /* monotonic, when this turn of the loop began; at most SWEEP_MS old */
    h2o_timeout_t sweep_timeout;
    h2o_timeout_entry_t sweep_entry;
    int64_t next_second_ms, next_cleanup_ms;
    struct upkeep upkeep; /* of the one that does chores */
};

/* What a peer of HTTP/2 has cost, and what it was told. */
struct http2_meter {
    unsigned abandoned;   /* streams that it reset, or brought us to reset, less requests answered */
    unsigned resets_seen; /* of the input that is being worked off */
    bool has_preface;
    bool is_over;           /* a block was too large: nothing more is read */
    uint32_t first_open;    /* of the input: the first stream whose body is still to come; 0: none */
    uint32_t refused[16];   /* the last streams answered before their body had come: what comes of it is thrown away */
    unsigned refused_count; /* ever */
    size_t thrown_away;     /* since a request was useful */
    bool is_table_changed;  /* the next header block begins with the table's new size */
    enum { HTTP2_STAYS, HTTP2_LEAVES, HTTP2_LEFT } leaving; /* GOAWAY: none yet, the first, the last */
    uint32_t last_stream;                                   /* HTTP2_LEFT: streams behind it are not ours any more */
    int64_t leaving_since_ms;                               /* the first, or the last GOAWAY */
};
/* No honest client gives up so many at once (CVE-2023-44487). A block so long, or of so many fields, is over the limits
 * of headers (exchange.c) however it is packed: h2o makes some 150 bytes of each field, and of the bytes of a block
 * twice as many. One that is only long is read to its end, up to HTTP2_BLOCK_READ_MAX, so that it has its answer. */
enum {
    HTTP2_ABANDONED_MAX = 100,
    HTTP2_BLOCK_MAX = 64 * 1024,
    HTTP2_BLOCK_READ_MAX = 256 * 1024,
    HTTP2_FIELDS_MAX = 256,
};

/* A connection. Made on accept, freed when h2o closes the socket. */
struct peer {
    h2o_linklist_t link; /* in worker->peers */
    struct worker *worker;
    h2o_socket_t *socket;
    uint16_t address_slot;
    char address[ADDRESS_TEXT_MAX];
    bool has_begun; /* h2o reads: the protocol is known */
    bool is_http2;
    const char *cut_reason; /* NULL: it is not cut */
    bool is_ended;          /* of HTTP/2: cut, and told so */
    enum error refusal;     /* of the request that h2o is being handed, although its body has not come */
    struct http1_guard http1;
    struct http2_meter meter;
    size_t in_flight;        /* requests whose answer has not left */
    h2o_linklist_t requests; /* their anchors, the oldest first */
    int64_t useful_ms;       /* when a request came or an answer had left, last */
    size_t useless_bytes;    /* read since then */
    /* h2o's, behind ours */
    h2o_socket_cb read, written;
    h2o_timeout_cb write_timer;
};

/* peer.c */
void peer_accept(h2o_socket_t *listener, const char *error);
struct peer *peer_of(h2o_req_t *req);
/* A request in h2o's hands, until it is gone from there. */
struct in_flight {
    h2o_linklist_t link; /* in peer->requests */
    int64_t since_ms;
};
void peer_request_came(struct peer *peer, struct in_flight *request);
/* The request is gone from h2o; `answered`: its answer was sent. */
void peer_request_gone(struct peer *peer, struct in_flight *request, bool answered);
/* Around every call into h2o for that connection: h2o sets its own callbacks again when it likes, and nothing may come
 * in that has not been looked at. */
void peer_enter(struct peer *peer);
void peer_leave(struct worker *worker);
/* Hands h2o the first `size` bytes of an HTTP/2 connection's input, and what is behind them not. False: it has closed,
 * or is about to. */
bool peer_feed(struct peer *peer, size_t size);
void peers_sweep(struct worker *worker, int64_t now_ms);
void peers_cut_all(struct worker *worker, const char *reason);
void listeners_stop(struct worker *worker);
void listeners_start(struct worker *worker);

/* http2_guard.c */
enum http2_verdict {
    HTTP2_SOUND,
    HTTP2_CUT, /* the connection has to be cut at once */
    HTTP2_END, /* no more is read; what is in flight is answered, and the peer is told why */
};
void http2_prepare(void); /* once, before there are workers */
void http2_before_read(h2o_socket_t *socket);
/* How many bytes of the input, which h2o has none of yet, it may have now: whole frames. To be asked again when h2o has
 * worked them off, until it says 0: some frames are looked at when what was before them is done. What led to a verdict,
 * and what is behind it, is not in the input any more. */
size_t http2_guard(struct peer *peer, enum http2_verdict *verdict);
void http2_end(h2o_socket_t *socket);
/* The timer on which h2o writes calls `own` from now on; h2o's own is given back. */
h2o_timeout_cb http2_on_write_timer(h2o_socket_t *socket, h2o_timeout_cb own);
h2o_socket_t *http2_socket_of(h2o_timeout_entry_t *write_timer);

/* http2_stream.c: streams that are answered before their body has come. Within peer_enter and peer_leave. */
/* After h2o has worked off input: what is said of a body before it comes. */
void http2_bodies_begun(struct peer *peer);
/* Refuses one stream whose body is late. False: there is none. */
bool http2_body_late(struct peer *peer, int64_t timeout_ms);

/* http2_leave.c: how a connection ends. Within peer_enter and peer_leave. */
bool http2_is_receiving(h2o_socket_t *socket); /* a request's headers have come, and not all of its body */
/* One step of a graceful end (RFC 9113 §6.8); to be called again and again. */
void http2_leave(struct peer *peer, int64_t now_ms);
/* The same, before an answer is written: it may be the last. */
void http2_leave_with_answer(struct peer *peer, int64_t now_ms);
/* Says why, and closes as soon as that is written. */
void http2_close(h2o_socket_t *socket, bool is_abuse, const char *reason);

/* http2_table.c: the peer's SETTINGS_HEADER_TABLE_SIZE, which h2o ignores. */
void http2_table_resize(struct peer *peer, uint32_t size);
/* Writes what a header block begins with when the size has changed: up to HTTP2_TABLE_UPDATE_MAX bytes. */
enum { HTTP2_TABLE_UPDATE_MAX = 8 };
size_t http2_table_update(struct peer *peer, unsigned char *at);
void http2_table_register(h2o_pathconf_t *path);

/* exchange.c */
int exchange_on_request(h2o_handler_t *handler, h2o_req_t *req);
/* The worker's turn_entry: starts what has arrived, sends what is finished. */
void exchanges_turn(h2o_timeout_entry_t *entry);

/* plain_error.c: h2o's own error answers (413 and the like) become JSON. */
void plain_error_register(h2o_pathconf_t *path);

/* listener.c */
struct listeners {
    int64_t worker_count;
    int fds[][LISTEN_MAX]; /* of each worker, in the order of settings->listen */
};

/* tls.c: NULL with *error when a file cannot be used. */
SSL_CTX *tls_context(struct arena *arena, const char *cert_file, const char *key_file, struct slice *error);

/* worker.c */
/* The generation becomes the worker's, also on failure. */
bool worker_init(struct worker *worker, const struct server_config *config, struct generation *generation,
                 struct slice *error);
/* The worker's thread: until it has drained. Posts `ready` when it serves. */
void worker_run(struct worker *worker, sem_t *ready);
void worker_drain(struct worker *worker); /* from any thread */
/* Work for the worker's thread, between two requests; from any thread, while it runs. */
void worker_post(struct worker *worker, struct completion *completion);
/* On the worker's thread: requests from now on are of this generation. */
void worker_adopt(struct worker *worker, struct generation *generation);
/* A request of that generation has ended. */
void worker_leave(struct generation *generation);
/* Of one that does not run. */
void worker_dispose(struct worker *worker);

#endif
