#include "store/sqlite_writer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/cache.h"
#include "store/rows.h"
#include "store/sqlite_job.h"

#include <signal.h>
#include <unistd.h>

enum {
    WATCH_MS = 200,       /* between two looks for changes by other processes */
    VOUCH_MS = 800,       /* the cache answers this long after a look */
    LOCK_WAIT_MS = 100,   /* for another process's lock, before the next look */
    DOOR_US = 2000,       /* left to other processes at each look when there is always work */
    REFUSAL_LOG_MS = 1000 /* between two lines about a full queue */
};

/* Honours what another process has committed. Between batches only. */
static void watch(struct sqlite_writer *writer, int64_t now_ms) {
    int64_t version = 0;
    writer->watched_ms = now_ms;
    if (!writer->cache || !sqlite_data_version(&writer->connection, &version))
        return; /* not vouched for: the cache falls silent by itself */
    if (version != writer->data_version) {
        writer->data_version = version;
        cache_forget_all(writer->cache);
        log_debug("store_changed_elsewhere", log_int("data_version", version));
    }
    cache_vouch(writer->cache, now_ms + VOUCH_MS);
}

/* In a savepoint, so that its failure is its own. */
static bool job_run(struct sqlite_writer *writer, struct sqlite_job *job) {
    struct sqlite_connection *connection = &writer->connection;
    size_t failed = 0;
    if (sqlite_control(connection, CONTROL_SAVEPOINT) != SQLITE_OK) {
        job->failure = sqlite_log_failure(connection, "store_batch_failed", "SAVEPOINT");
        return false;
    }
    if (sqlite_calls_run(connection, &job->batch, &failed) == SQLITE_OK) {
        sqlite_control(connection, CONTROL_RELEASE); /* whether it holds, COMMIT says */
        return true;
    }
    job->failure =
        sqlite_log_failure(connection, "store_batch_failed", statement_texts[job->batch.calls[failed].statement].name);
    /* A full disk and the like may have ended the whole transaction; group_run sees that. */
    if (!sqlite3_get_autocommit(connection->handle) && (sqlite_control(connection, CONTROL_ROLLBACK_TO) != SQLITE_OK ||
                                                        sqlite_control(connection, CONTROL_RELEASE) != SQLITE_OK))
        sqlite_control(connection, CONTROL_ROLLBACK);
    return false;
}

static void group_failed(struct sqlite_writer *writer, const char *why) {
    for (size_t i = 0; i < writer->group_count; i++)
        if (!writer->group[i]->failure)
            writer->group[i]->failure = why;
}

/* In the transaction that the caller has begun: runs what was taken and commits it. Whether each
 * batch succeeded is in its `ran`. */
static void group_run(struct sqlite_writer *writer) {
    struct sqlite_connection *connection = &writer->connection;
    size_t ran = 0;
    bool is_open = true;
    for (size_t i = 0; i < writer->group_count && is_open; i++) {
        writer->group[i]->ran = job_run(writer, writer->group[i]);
        ran += writer->group[i]->ran;
        is_open = !sqlite3_get_autocommit(connection->handle);
    }
    if (is_open && ran && sqlite_control(connection, CONTROL_COMMIT) == SQLITE_OK) {
        metric_add(METRIC_db_commits, 1);
        return;
    }
    if (is_open && ran)
        group_failed(writer, sqlite_log_failure(connection, "store_commit_failed", "COMMIT"));
    if (!sqlite3_get_autocommit(connection->handle))
        sqlite_control(connection, CONTROL_ROLLBACK);
    for (size_t i = 0; i < writer->group_count; i++)
        writer->group[i]->ran = false;
}

static void group_answer(struct sqlite_writer *writer) {
    bool first[STORE_GROUP_MAX], is_untold = false;
    size_t count = writer->group_count;
    pthread_mutex_lock(&writer->mutex);
    for (size_t i = 0; i < count; i++) {
        first[i] = job_answer(writer->group[i], writer->group[i]->ran, writer->group[i]->failure);
        is_untold = is_untold || (!first[i] && writer->group[i]->ran);
    }
    writer->group_count = 0;
    pthread_mutex_unlock(&writer->mutex);
    /* Whoever asked was told that it failed, so nobody else forgets what it changed. */
    if (is_untold && writer->cache)
        cache_forget_all(writer->cache);
    for (size_t i = 0; i < count; i++) {
        if (first[i])
            job_deliver(writer->group[i]);
        job_release(writer->group[i]);
    }
}

static void group_take(struct sqlite_writer *writer) {
    pthread_mutex_lock(&writer->mutex);
    size_t count = 0;
    while (count < writer->group_max && !h2o_linklist_is_empty(&writer->queue)) {
        struct sqlite_job *job = job_of(writer->queue.next);
        h2o_linklist_unlink(&job->link);
        writer->group[count++] = job;
    }
    writer->group_count = count;
    writer->queue_count -= count;
    pthread_mutex_unlock(&writer->mutex);
    metric_add(METRIC_db_queue, -(int64_t)count);
}

/* The batches are taken only when the lock is there: until then their time may run out, and the more
 * gather, the fewer fsyncs. */
static void group_next(struct sqlite_writer *writer) {
    struct sqlite_connection *connection = &writer->connection;
    int code = sqlite_control(connection, CONTROL_BEGIN_WRITE);
    if ((code & 0xff) == SQLITE_BUSY)
        return;
    const char *why = code == SQLITE_OK ? NULL : sqlite_log_failure(connection, "store_begin_failed", "BEGIN");
    group_take(writer);
    if (why)
        group_failed(writer, why);
    else
        group_run(writer);
    group_answer(writer);
}

/* With the mutex: until there is work, or it is time to look for changes. */
static void work_wait(struct sqlite_writer *writer) {
    int64_t until = writer->watched_ms + WATCH_MS;
    struct timespec due = {.tv_sec = until / 1000, .tv_nsec = (until % 1000) * 1000000};
    writer->thread_waits = true;
    if (writer->cache)
        pthread_cond_timedwait(&writer->work, &writer->mutex, &due);
    else
        pthread_cond_wait(&writer->work, &writer->mutex);
    writer->thread_waits = false;
}

static void *writer_main(void *argument) {
    struct sqlite_writer *writer = argument;
    pthread_mutex_lock(&writer->mutex);
    for (;;) {
        bool idle = h2o_linklist_is_empty(&writer->queue);
        if (idle && writer->stopping)
            break;
        if (idle)
            work_wait(writer);
        bool has_work = !h2o_linklist_is_empty(&writer->queue);
        pthread_mutex_unlock(&writer->mutex);
        int64_t now_ms = clock_monotonic_ms();
        if (now_ms >= writer->watched_ms + WATCH_MS) {
            if (!idle)
                usleep(DOOR_US);
            watch(writer, now_ms);
        }
        if (has_work)
            group_next(writer);
        log_flush();
        pthread_mutex_lock(&writer->mutex);
    }
    pthread_mutex_unlock(&writer->mutex);
    log_flush();
    arena_pool_drain();
    return NULL;
}

static void wake(struct completion *completion) {
    struct writer_wake *self = (struct writer_wake *)completion;
    struct sqlite_writer *writer = self->writer;
    self->is_asked = false;
    pthread_mutex_lock(&writer->mutex);
    if (writer->thread_waits)
        pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->mutex);
}

/* On the loop's stack. */
static void wake_ask(void *argument) {
    struct writer_wake *self = argument;
    if (self->is_asked)
        return;
    self->is_asked = true;
    self->completion.run = wake;
    self->inbox->soon(self->inbox, &self->completion);
}

/* False when the queue is full. `wakes`: at once. */
static bool submit(struct sqlite_writer *writer, struct sqlite_job *job, bool wakes) {
    int64_t now_ms = clock_monotonic_ms();
    bool logs = false;
    pthread_mutex_lock(&writer->mutex);
    bool fits = writer->queue_count < writer->queue_max;
    if (fits) {
        job->deadline_ms = now_ms + job->batch.timeout_ms;
        if (job->deadline_ms < writer->clock_until_ms)
            pthread_cond_signal(&writer->tick);
        h2o_linklist_insert(&writer->queue, &job->link);
        writer->queue_count++;
        metric_add(METRIC_db_queue, 1);
        if (wakes && writer->thread_waits)
            pthread_cond_signal(&writer->work);
    } else if (now_ms >= writer->refusal_logged_ms + REFUSAL_LOG_MS) {
        writer->refusal_logged_ms = now_ms;
        logs = true;
    }
    pthread_mutex_unlock(&writer->mutex);
    if (logs)
        log_error("store_queue_full", log_string("reason", "more batches wait for the writer than may"),
                  log_int("queue_max", (int64_t)writer->queue_max));
    return fits;
}

bool sqlite_writer_run(struct sqlite_writer *writer, struct writer_wake *wake, struct batch *batch) {
    struct sqlite_job *job = job_new(batch, fiber_current() ? wake->inbox : NULL);
    bool waits_for_loop = job->inbox && job->inbox->soon;
    if (!submit(writer, job, !waits_for_loop)) {
        job_release(job);
        job_release(job);
        batch->why = SLICE("too much waits for it");
        return false;
    }
    if (waits_for_loop)
        fiber_hop(wake_ask, wake);
    if (job->inbox) {
        fiber_wait();
    } else {
        pthread_mutex_lock(&writer->mutex);
        while (!job->answered)
            pthread_cond_wait(&job->answer, &writer->mutex);
        pthread_mutex_unlock(&writer->mutex);
    }
    bool succeeded = job->succeeded;
    for (size_t i = 0; succeeded && i < batch->count; i++)
        rows_copy(batch->calls[i].rows, batch->arena, job->batch.calls[i].rows);
    if (!succeeded && job->why)
        batch->why = slice_of(job->why);
    job_release(job);
    return succeeded;
}

static bool threads_start(struct sqlite_writer *writer) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the main thread */
    bool started = pthread_create(&writer->thread, NULL, writer_main, writer) == 0;
    if (started && pthread_create(&writer->clock, NULL, writer_clock, writer) != 0) {
        pthread_mutex_lock(&writer->mutex);
        writer->stopping = true;
        pthread_cond_signal(&writer->work);
        pthread_mutex_unlock(&writer->mutex);
        pthread_join(writer->thread, NULL);
        started = false;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

bool sqlite_writer_start(struct sqlite_writer *writer, const struct database_options *options) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->work, &monotonic);
    pthread_cond_init(&writer->tick, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&writer->mutex, NULL);
    h2o_linklist_init_anchor(&writer->queue);
    writer->queue_max = options->queue_max;
    writer->group_max = options->group_max;
    writer->cache = options->cache;
    writer->connection.busy_ms = LOCK_WAIT_MS;
    sqlite_data_version(&writer->connection, &writer->data_version);
    watch(writer, clock_monotonic_ms());
    if (threads_start(writer))
        return true;
    pthread_cond_destroy(&writer->work);
    pthread_cond_destroy(&writer->tick);
    pthread_mutex_destroy(&writer->mutex);
    return false;
}

void sqlite_writer_stop(struct sqlite_writer *writer) {
    pthread_mutex_lock(&writer->mutex);
    writer->stopping = true;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->mutex);
    pthread_join(writer->thread, NULL);
    pthread_mutex_lock(&writer->mutex);
    writer->clock_stopping = true;
    pthread_cond_signal(&writer->tick);
    pthread_mutex_unlock(&writer->mutex);
    pthread_join(writer->clock, NULL);
    pthread_cond_destroy(&writer->work);
    pthread_cond_destroy(&writer->tick);
    pthread_mutex_destroy(&writer->mutex);
}
