#include "server/server.h"

#include "base/clock.h"
#include "base/history.h"
#include "base/log.h"
#include "registry/logout_delivery.h"
#include "server/control.h"
#include "server/fetch.h"
#include "server/offload.h"
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
    sigaddset(&set, SIGHUP);  /* reload */
    sigaddset(&set, SIGUSR1); /* a worker has ended */
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return set;
}

struct launch {
    struct worker *worker;
    pthread_t main;
    _Atomic int64_t *running; /* workers that have not ended */
    sem_t *ready;
};

static void *launch_main(void *data) {
    struct launch *launch = data;
    worker_run(launch->worker, launch->ready);
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

struct running {
    struct worker *workers;
    int64_t count;
    _Atomic int64_t left; /* workers that have not ended */
    struct control *control;
};

static void drain(struct running *running, int signal_number) {
    if (atomic_exchange(&draining, true))
        _exit(1);
    log_info("draining", log_int("signal", signal_number));
    log_flush();
    if (running->control)
        control_stop(running->control);
    for (int64_t i = 0; i < running->count; i++)
        worker_drain(&running->workers[i]);
}

/* Until every worker has ended. The first SIGTERM drains, the second ends at once. */
static void wait_for_end(const sigset_t *signals, struct running *running) {
    while (atomic_load(&running->left) > 0) {
        int signal_number;
        if (sigwait(signals, &signal_number) != 0 || signal_number == SIGUSR1)
            continue;
        if (signal_number != SIGHUP)
            drain(running, signal_number);
        else if (!server_is_draining())
            control_reload(running->control);
    }
}

/* Returns when every worker serves. False, and running->count is how many do, when a thread cannot be had. */
static bool workers_start(struct arena *arena, struct running *running, struct slice *error) {
    int64_t wanted = running->count;
    int failed = 0;
    struct launch *launches = arena_alloc(arena, (size_t)running->count * sizeof(*launches));
    sem_t ready;
    sem_init(&ready, 0, 0);
    running->left = wanted;
    for (running->count = 0; running->count < wanted && !failed; running->count += !failed) {
        launches[running->count] =
            (struct launch){&running->workers[running->count], pthread_self(), &running->left, &ready};
        failed = pthread_create(&running->workers[running->count].thread, NULL, launch_main, &launches[running->count]);
    }
    for (int64_t i = running->count; i < wanted; i++, running->left--)
        worker_dispose(&running->workers[i]);
    for (int64_t i = 0; i < running->count; i++)
        while (sem_wait(&ready) != 0)
            ; /* EINTR */
    sem_destroy(&ready);
    if (failed)
        *error = arena_printf(arena, "A worker's thread cannot be started: %s.", strerror(failed));
    return !failed;
}

static int workers_run(struct arena *arena, const struct server_config *config, struct running *running,
                       struct edition *edition, const sigset_t *signals, struct slice *error) {
    history_begin(clock_now_s());
    if (workers_start(arena, running, error))
        running->control = control_start(arena, config, running->workers, running->count, edition, error);
    int status = running->control ? 0 : 1;
    if (running->control) {
        announce(config->settings);
        log_capture_stderr();
    } else {
        drain(running, 0);
    }
    wait_for_end(signals, running);
    for (int64_t i = 0; i < running->count; i++)
        pthread_join(running->workers[i].thread, NULL);
    log_release_stderr();
    log_info("stopped", log_int("workers", running->count));
    return status;
}

/* Worker by worker; those that were made are disposed on failure. */
static bool workers_open(struct arena *arena, const struct server_config *config, struct edition *edition,
                         struct running *running, struct slice *error) {
    for (int64_t made = 0; made < running->count; made++) {
        running->workers[made].does_chores = made == 0;
        running->workers[made].listen_fds = config->listeners->fds[made];
        struct generation *generation = generation_open(arena, edition, config->settings, config->keyring, error);
        bool is_open = generation && worker_init(&running->workers[made], config, generation, error);
        if (is_open)
            continue;
        for (int64_t i = generation ? made : made - 1; i >= 0; i--)
            worker_dispose(&running->workers[i]);
        return false;
    }
    return true;
}

int server_run(struct arena *arena, struct server_config *config, struct slice *error) {
    struct settings *settings = config->settings;
    struct edition *edition = edition_open(arena, settings, error);
    if (!edition)
        return 1;
    if (!fetch_begin(arena, settings, error)) {
        edition_release(edition);
        return 1;
    }
    sigset_t signals = signals_block();
    http2_prepare();
    struct running running = {.count = settings->workers};
    running.workers = h2o_mem_alloc((size_t)running.count * sizeof(struct worker));
    memset(running.workers, 0, (size_t)running.count * sizeof(struct worker));
    int status = 1;
    config->offload = offload_open((size_t)settings->offload_threads, (size_t)settings->offload_queue_max);
    config->outgoing = offload_open((size_t)settings->outgoing_threads, (size_t)settings->offload_queue_max);
    config->logouts = offload_open((size_t)settings->outgoing_threads, (size_t)settings->offload_queue_max);
    config->deliveries = logout_deliveries_open();
    if (!config->offload || !config->outgoing || !config->logouts) {
        *error = SLICE("The threads for slow work cannot be started: too many run already.");
    } else {
        issuer_default(arena, settings);
        if (workers_open(arena, config, edition, &running, error))
            status = workers_run(arena, config, &running, edition, &signals, error);
    }
    free(running.workers);
    logout_deliveries_close(config->deliveries);
    offload_close(config->logouts);
    offload_close(config->outgoing);
    offload_close(config->offload);
    fetch_end();
    edition_release(edition);
    return status;
}
