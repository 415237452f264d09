#include "server/server.h"

#include "base/log.h"
#include "server/wire.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static _Atomic bool draining;

bool server_is_draining(void) {
    return atomic_load_explicit(&draining, memory_order_relaxed);
}

/* The workers inherit the mask: only the main thread, in sigwait, ever sees these. */
static sigset_t signals_block(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1); /* a worker has ended */
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    return set;
}

struct launch {
    struct worker *worker;
    pthread_t main;
    _Atomic int64_t *running; /* workers that have not ended */
};

static void *launch_main(void *data) {
    struct launch *launch = data;
    worker_main(launch->worker);
    atomic_fetch_sub(launch->running, 1); /* two SIGUSR1 at once are one: the number counts, the signal wakes */
    pthread_kill(launch->main, SIGUSR1);
    return NULL;
}

static void issuer_default(struct arena *arena, struct settings *settings) {
    if (slice_is_set(settings->issuer))
        return;
    settings->issuer_is_https = settings->tls_cert != NULL;
    settings->issuer = arena_printf(arena, "%s://localhost%s", settings->tls_cert ? "https" : "http",
                                    strrchr(settings->listen[0], ':'));
}

static void announce(const struct settings *settings) {
    printf("moonlatch listening on");
    for (size_t i = 0; i < settings->listen_count; i++)
        printf(" %s://%s", settings->tls_cert ? "https" : "http", settings->listen[i]);
    printf("\n");
    if (settings->demo)
        printf("open %.*s and choose \"Try signing in\"\n", SLICE_ARG(settings->issuer));
    fflush(stdout);
    log_info("listening", log_string("address", settings->listen[0]), log_int("workers", settings->workers),
             log_text("issuer", settings->issuer));
    log_flush();
}

/* Until every worker has ended. The first SIGTERM drains, the second ends at once. */
static void wait_for_end(const sigset_t *signals, struct worker *workers, int64_t count, _Atomic int64_t *running) {
    while (atomic_load(running) > 0) {
        int signal_number;
        if (sigwait(signals, &signal_number) != 0 || signal_number == SIGUSR1)
            continue;
        if (atomic_exchange(&draining, true))
            _exit(1);
        log_info("draining", log_int("signal", signal_number));
        log_flush();
        for (int64_t i = 0; i < count; i++)
            worker_drain(&workers[i]);
    }
}

static int workers_run(struct arena *arena, const struct server_config *config, struct worker *workers,
                       const sigset_t *signals) {
    int64_t count = config->settings->workers;
    _Atomic int64_t running = count;
    struct launch *launches = arena_alloc(arena, (size_t)count * sizeof(*launches));
    for (int64_t i = 0; i < count; i++) {
        launches[i] = (struct launch){&workers[i], pthread_self(), &running};
        pthread_create(&workers[i].thread, NULL, launch_main, &launches[i]);
    }
    announce(config->settings);
    wait_for_end(signals, workers, count, &running);
    for (int64_t i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
    log_info("stopped", log_int("workers", count));
    return 0;
}

int server_run(struct arena *arena, const struct server_config *config, struct slice *error) {
    struct settings *settings = config->settings;
    int64_t count = settings->workers;
    SSL_CTX *tls = NULL;
    if (settings->tls_cert && !(tls = tls_context(arena, settings->tls_cert, settings->tls_key, error)))
        return 1;
    sigset_t signals = signals_block();
    struct worker *workers = h2o_mem_alloc((size_t)count * sizeof(*workers));
    memset(workers, 0, (size_t)count * sizeof(*workers));
    bool is_ready = listeners_bind(arena, settings, workers, error);
    if (is_ready)
        issuer_default(arena, settings);
    int64_t made = 0;
    while (is_ready && made < count)
        is_ready = worker_init(&workers[made++], config, tls, error, arena);
    int status = 1;
    if (is_ready)
        status = workers_run(arena, config, workers, &signals);
    else
        for (int64_t i = 0; i < made; i++)
            worker_dispose(&workers[i]);
    free(workers);
    if (tls)
        SSL_CTX_free(tls);
    return status;
}
