/* A worker: one thread, one loop, its own handles on store and policies. */
#include "server/wire.h"

#include "base/clock.h"
#include "base/history.h"
#include "base/log.h"
#include "fiber/fiber.h"
#include "registry/audit.h"
#include "registry/logout_delivery.h"
#include "registry/looks.h"
#include "registry/readiness.h"
#include "registry/signing_keys.h"

#include <fcntl.h>
#include <sodium.h>

enum {
    SWEEP_MS = 50,
    SECOND_MS = 1000,
    CLEANUP_MS = 30000,    /* between runs of db_sweep */
    CLEANUP_AGAIN_MS = 15, /* while there is more: some thousand rows a second of each kind, a little at a time */
    CLEANUP_PASSES = 4,
    BODY_SLACK = 2, /* a body of up to twice the limit is read, so that its refusal has our shape */
    HTTP2_FRAME_MAX = 16384,
};

static void inbox_post(struct inbox *inbox, struct completion *completion) {
    struct worker_inbox *self = (struct worker_inbox *)inbox;
    completion->link = (h2o_linklist_t){NULL, NULL};
    h2o_multithread_send_message(&self->receiver, (h2o_multithread_message_t *)(void *)&completion->link);
}

static void inbox_receive(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages) {
    (void)receiver;
    while (!h2o_linklist_is_empty(messages)) {
        struct completion *completion = H2O_STRUCT_FROM_MEMBER(struct completion, link, messages->next);
        h2o_linklist_unlink(&completion->link);
        completion->run(completion);
    }
}

/* --- descriptors of the store, on this loop --- */

struct watch {
    h2o_socket_t *socket; /* of a copy of the descriptor, which h2o closes */
    void (*ready)(void *data);
    void *data;
};

static void watch_on_ready(h2o_socket_t *socket, const char *error) {
    (void)error;
    struct watch *watch = socket->data;
    watch->ready(watch->data);
}

static struct watch *inbox_watch(struct inbox *inbox, int descriptor, void (*ready)(void *data), void *data) {
    struct worker *worker = H2O_STRUCT_FROM_MEMBER(struct worker, inbox.inbox, inbox);
    struct watch *watch = h2o_mem_alloc(sizeof(*watch));
    int own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    h2o_socket_t *socket = h2o_evloop_socket_create(worker->context.loop, own, H2O_SOCKET_FLAG_DONT_READ);
    *watch = (struct watch){socket, ready, data};
    socket->data = watch;
    h2o_socket_read_start(socket, watch_on_ready);
    return watch;
}

static void inbox_watch_writing(struct watch *watch) {
    if (!h2o_socket_is_writing(watch->socket))
        h2o_socket_notify_write(watch->socket, watch_on_ready);
}

static void inbox_unwatch(struct watch *watch) {
    h2o_socket_close(watch->socket);
    free(watch);
}

static void inbox_soon(struct inbox *inbox, struct completion *completion) {
    struct worker *worker = H2O_STRUCT_FROM_MEMBER(struct worker, inbox.inbox, inbox);
    completion->link = (h2o_linklist_t){NULL, NULL};
    h2o_linklist_insert(&worker->soon, &completion->link);
    if (!h2o_timeout_is_linked(&worker->soon_entry))
        h2o_timeout_link(worker->context.loop, &worker->context.zero_timeout, &worker->soon_entry);
}

static void on_soon(h2o_timeout_entry_t *entry) {
    struct worker *worker = H2O_STRUCT_FROM_MEMBER(struct worker, soon_entry, entry);
    inbox_receive(NULL, &worker->soon);
}

static void h2o_configure(struct worker *worker) {
    const struct settings *settings = worker->config->settings;
    h2o_globalconf_t *config = &worker->globalconf;
    h2o_config_init(config);
    config->server_name = h2o_iovec_init(H2O_STRLIT("moonlatch"));
    bool is_kib = settings->body_max_bytes % 1024 == 0;
    snprintf(worker->too_large, sizeof(worker->too_large), "The body is larger than %lld %s.",
             (long long)(is_kib ? settings->body_max_bytes / 1024 : settings->body_max_bytes),
             is_kib ? "KiB" : "bytes");
    config->max_request_entity_size = (size_t)settings->body_max_bytes * BODY_SLACK + HTTP2_FRAME_MAX;
    config->handshake_timeout = (uint64_t)settings->request_timeout_ms;
    config->http1.req_timeout = (uint64_t)settings->request_timeout_ms;
    config->http1.upgrade_to_http2 = 0;     /* no h2c upgrade; peer.c sees prior knowledge */
    config->http2.idle_timeout = INT32_MAX; /* peers_sweep knows better what is idle */
    config->http2.max_concurrent_requests_per_connection = (size_t)settings->streams_max;
    h2o_hostconf_t *host = h2o_config_register_host(config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    http2_table_register(&host->fallback_path);
    plain_error_register(&host->fallback_path);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    http2_table_register(path);
    h2o_handler_t *handler = h2o_create_handler(path, sizeof(*handler));
    handler->on_req = exchange_on_request;
    plain_error_register(path);
}

static void cleanup(void *data) {
    struct worker *worker = data;
    struct arena arena;
    arena_init(&arena);
    bool has_more = true;
    for (int i = 0; i < CLEANUP_PASSES && has_more; i++) {
        has_more = db_sweep(worker->db, &arena, clock_now_s());
        if (worker->does_chores)
            has_more = looks_fill(worker->db, &arena) || has_more;
    }
    if (worker->does_chores) {
        clocks_compare(worker->db, &arena);
        upkeep_turn(worker->db, &arena, &worker->upkeep, clock_monotonic_ms());
    }
    arena_free(&arena);
    worker->next_cleanup_ms = clock_monotonic_ms() + (has_more ? CLEANUP_AGAIN_MS : CLEANUP_MS);
}

static void untold_store(void *data) {
    struct worker *worker = data;
    struct arena arena;
    arena_init(&arena);
    db_untold_store(worker->db, &arena); /* or at the next turn */
    arena_free(&arena);
    worker->is_storing_untold = false;
}

static void keys_refresh(void *data) {
    struct worker *worker = data;
    struct generation *generation = worker->generation;
    generation->requests++; /* it stays until this is done */
    signing_refresh(&generation->service, worker->does_chores);
    worker_leave(generation);
}

struct logout_turn {
    const struct worker *worker;
    const struct generation *generation;
};

/* What is left is delivered under the next edition, or by the next process. */
static bool logouts_go_on(const void *data) {
    const struct logout_turn *turn = data;
    return !turn->generation->is_retired && !turn->worker->is_draining;
}

static void logouts_deliver(void *data) {
    struct worker *worker = data;
    struct generation *generation = worker->generation;
    const struct logout_turn turn = {worker, generation};
    generation->requests++;
    logout_deliver(&generation->service, logouts_go_on, &turn);
    worker_leave(generation);
}

static void on_sweep(h2o_timeout_entry_t *entry) {
    struct worker *worker = H2O_STRUCT_FROM_MEMBER(struct worker, sweep_entry, entry);
    int64_t now_ms = clock_monotonic_ms();
    peers_sweep(worker, now_ms);
    db_tick(worker->db, now_ms);
    if (now_ms >= worker->next_second_ms) {
        worker->next_second_ms = now_ms + SECOND_MS;
        fiber_measure();
        if (worker->does_chores)
            history_tick(clock_now_s());
    }
    if (now_ms >= worker->next_cleanup_ms && !worker->is_draining) {
        worker->next_cleanup_ms = INT64_MAX; /* one at a time */
        if (!fiber_start(cleanup, worker))
            worker->next_cleanup_ms = now_ms + CLEANUP_AGAIN_MS;
    }
    if (worker->does_chores && !worker->is_storing_untold && db_has_untold(worker->db))
        worker->is_storing_untold = fiber_start(untold_store, worker);
    if (signing_is_due(worker->signing, now_ms) && !worker->is_draining)
        fiber_start(keys_refresh, worker); /* or the next time */
    if (worker->does_chores && !worker->is_draining && logout_deliver_is_due(worker->config->deliveries, now_ms))
        fiber_start(logouts_deliver, worker); /* likewise */
    h2o_timeout_link(worker->context.loop, &worker->sweep_timeout, &worker->sweep_entry);
}

/* What is the process' or the loop's. */
static void lend(struct worker *worker, struct generation *generation) {
    generation->service.offload = worker->config->offload;
    generation->service.outgoing = worker->config->outgoing;
    generation->service.logouts = worker->config->logouts;
    generation->service.deliveries = worker->config->deliveries;
    generation->service.inbox = &worker->inbox.inbox;
}

bool worker_init(struct worker *worker, const struct server_config *config, struct generation *generation,
                 struct slice *error) {
    worker->config = config;
    worker->generation = generation;
    worker->address_seed = randombytes_random();
    snprintf(worker->request_prefix, sizeof(worker->request_prefix), "%08x", randombytes_random());
    h2o_linklist_init_anchor(&worker->peers);
    h2o_linklist_init_anchor(&worker->arrived);
    h2o_linklist_init_anchor(&worker->finished);
    h2o_linklist_init_anchor(&worker->soon);
    worker->inbox.inbox = (struct inbox){
        .post = inbox_post,
        .watch = inbox_watch,
        .watch_writing = inbox_watch_writing,
        .unwatch = inbox_unwatch,
        .soon = inbox_soon,
    };
    worker->db = generation->service.db = db_open(config->store, &worker->inbox.inbox, error);
    if (!worker->db)
        return false;
    worker->audit = generation->service.audit = audit_open(worker->db, config->settings->audit_s);
    lend(worker, generation);
    worker->signing = generation->service.signing =
        signing_open(config->keyring, config->settings, config->signing_keys, error);
    return worker->signing != NULL;
}

/* On the worker's own thread: whatever h2o allocates goes back to a pool of the thread that made it. */
static void wire_open(struct worker *worker) {
    const struct settings *settings = worker->config->settings;
    h2o_configure(worker);
    h2o_context_init(&worker->context, h2o_evloop_create(), &worker->globalconf);
    h2o_loop_t *loop = worker->context.loop;
    worker->accept = (h2o_accept_ctx_t){
        .ctx = &worker->context, .hosts = worker->globalconf.hosts, .ssl_ctx = worker->generation->edition->tls};
    h2o_multithread_register_receiver(worker->context.queue, &worker->inbox.receiver, inbox_receive);
    for (size_t i = 0; i < settings->listen_count; i++) {
        worker->listeners[i] = h2o_evloop_socket_create(loop, worker->listen_fds[i], H2O_SOCKET_FLAG_DONT_READ);
        worker->listeners[i]->data = worker;
    }
    listeners_start(worker);
    h2o_timeout_init(loop, &worker->sweep_timeout, SWEEP_MS);
    worker->turn_entry.cb = exchanges_turn;
    worker->soon_entry.cb = on_soon;
    worker->sweep_entry.cb = on_sweep;
    h2o_timeout_link(loop, &worker->sweep_timeout, &worker->sweep_entry);
}

static void wire_close(struct worker *worker) {
    h2o_multithread_queue_t *queue = worker->context.queue;
    h2o_loop_t *loop = worker->context.loop;
    h2o_timeout_unlink(&worker->sweep_entry);
    h2o_timeout_dispose(loop, &worker->sweep_timeout);
    h2o_multithread_unregister_receiver(queue, &worker->inbox.receiver);
    h2o_context_dispose(&worker->context);
    free(queue); /* 2.2.5 forgets to */
    h2o_evloop_destroy(loop);
    h2o_config_dispose(&worker->globalconf);
}

void worker_post(struct worker *worker, struct completion *completion) {
    worker->inbox.inbox.post(&worker->inbox.inbox, completion);
}

static void generation_retire(struct generation *generation) {
    generation->is_retired = true;
    if (generation->requests == 0)
        generation_close(generation);
}

void worker_adopt(struct worker *worker, struct generation *generation) {
    generation->service.db = worker->db;
    generation->service.audit = worker->audit;
    generation->service.signing = worker->signing;
    lend(worker, generation);
    worker->accept.ssl_ctx = generation->edition->tls;
    generation_retire(worker->generation);
    worker->generation = generation;
}

void worker_leave(struct generation *generation) {
    generation->requests--;
    if (generation->is_retired && generation->requests == 0)
        generation_close(generation);
}

static void drain_begin(struct completion *completion);

struct drain {
    struct completion completion;
    struct worker *worker;
};

void worker_drain(struct worker *worker) {
    struct drain *drain = h2o_mem_alloc(sizeof(*drain));
    *drain = (struct drain){.completion.run = drain_begin, .worker = worker};
    worker_post(worker, &drain->completion);
}

/* What the kernel has queued for us is still ours to answer. */
static void drain_begin(struct completion *completion) {
    struct drain *drain = H2O_STRUCT_FROM_MEMBER(struct drain, completion, completion);
    struct worker *worker = drain->worker;
    free(drain);
    const struct settings *settings = worker->config->settings;
    for (size_t i = 0; i < settings->listen_count && worker->is_accepting; i++)
        peer_accept(worker->listeners[i], NULL);
    worker->is_draining = true;
    worker->is_accepting = false;
    for (size_t i = 0; i < settings->listen_count; i++)
        h2o_socket_close(worker->listeners[i]);
    worker->drain_since_ms = clock_monotonic_ms();
    worker->drain_until_ms = worker->drain_since_ms + settings->drain_timeout_ms;
    worker->context.shutdown_requested = 1; /* HTTP/1.1 is told with its next answer, HTTP/2 by peers_sweep */
    peers_sweep(worker, worker->drain_since_ms);
}

static bool is_done(struct worker *worker) {
    if (!worker->is_draining)
        return false;
    bool is_late = clock_monotonic_ms() >= worker->drain_until_ms;
    if (is_late)
        peers_cut_all(worker, "the time to drain is over");
    if (worker->does_chores && db_has_untold(worker->db) && !is_late)
        return false;
    return worker->peer_count == 0 && fiber_count() == 0 && (is_late || audit_is_empty(worker->audit));
}

void worker_run(struct worker *worker, sem_t *ready) {
    fiber_limit_set((size_t)worker->config->settings->requests_in_flight_max);
    wire_open(worker);
    sem_post(ready);
    while (!is_done(worker)) {
        worker->now_ms = clock_monotonic_ms();
        h2o_evloop_run(worker->context.loop, INT32_MAX); /* -1 on EINTR: go on */
        audit_flush(worker->audit);
        log_flush();
    }
    worker_dispose(worker); /* while completions can still arrive */
    wire_close(worker);
    fiber_pool_drain();
    arena_pool_drain();
}

void worker_dispose(struct worker *worker) {
    if (worker->audit)
        audit_close(worker->audit);
    if (worker->signing)
        signing_close(worker->signing);
    if (worker->db)
        db_close(worker->db);
    generation_close(worker->generation);
}
