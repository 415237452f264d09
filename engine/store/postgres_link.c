/* One connection to PostgreSQL, on the loop's stack. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/postgres.h"
#include "store/record.h"

#include <stdlib.h>

enum {
    BACKOFF_FIRST_MS = 50,
    BACKOFF_MAX_MS = 2000,
    CONNECT_MS = 5000,
    SENT_FIRST = 64,
};

/* The server's own words, on one line. */
static struct slice reason_of(const char *message) {
    size_t len = message ? strcspn(message, "\n") : 0;
    return len ? (struct slice){message, len} : SLICE("the connection was closed");
}

static void on_ready(void *data) {
    link_ready(data);
}

static void watch_descriptor(struct link *link) {
    struct inbox *inbox = link->pool->inbox;
    int descriptor = PQsocket(link->connection);
    if (!inbox || descriptor < 0 || (link->watch && link->watched == descriptor))
        return;
    if (link->watch)
        inbox->unwatch(link->watch);
    link->watch = inbox->watch(inbox, descriptor, on_ready, link);
    link->watched = descriptor;
}

static void watch_writing(struct link *link) {
    link->wants_writing = true;
    if (link->watch)
        link->pool->inbox->watch_writing(link->watch);
}

static void disconnect(struct link *link) {
    if (link->watch)
        link->pool->inbox->unwatch(link->watch);
    link->watch = NULL;
    if (link->connection)
        PQfinish(link->connection);
    link->connection = NULL;
}

/* --- what has been sent --- */

static void sent_push(struct link *link, struct job *job, bool is_sync) {
    if (link->count == link->capacity) {
        size_t capacity = link->capacity ? 2 * link->capacity : SENT_FIRST;
        struct sent *ring = malloc(capacity * sizeof(*ring));
        if (!ring)
            abort();
        for (size_t i = 0; i < link->count; i++)
            ring[i] = link->sent[(link->first + i) % link->capacity];
        free(link->sent);
        link->sent = ring;
        link->first = 0;
        link->capacity = capacity;
    }
    link->sent[(link->first + link->count++) % link->capacity] = (struct sent){job, is_sync};
}

static struct sent sent_pop(struct link *link) {
    struct sent sent = link->sent[link->first];
    link->first = (link->first + 1) % link->capacity;
    link->count--;
    return sent;
}

/* --- breaking --- */

static void backoff(struct link *link) {
    link->state = LINK_DOWN;
    link->backoff_ms = link->backoff_ms ? link->backoff_ms * 2 : BACKOFF_FIRST_MS;
    link->backoff_ms = link->backoff_ms > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : link->backoff_ms;
    link->retry_ms = clock_monotonic_ms() + link->backoff_ms;
}

/* A batch that changes something may have been committed when its Sync had been sent: it is asked for again. */
static void sent_lose(struct link *link) {
    while (link->count) {
        struct sent sent = sent_pop(link);
        struct job *job = sent.job;
        if (!job || (!sent.is_sync && !job->reads))
            continue; /* its Sync stands behind it */
        if (!job->reads && !job->has_failed)
            job->batch->is_repeated = true;
        if (job->has_failed && !job->may_retry)
            pool_job_answered(link->pool, job, false);
        else
            pool_job_retry(link->pool, job);
    }
}

void link_break(struct link *link, const char *why) {
    bool was_up = link->state == LINK_READY;
    log_warn("store_disconnected", log_text("reason", reason_of(why)));
    disconnect(link);
    backoff(link);
    link->owes_sync = false;
    link->pool->postgres->broken_at_ms = clock_monotonic_ms();
    if (was_up)
        metric_add(METRIC_db_disconnects, 1);
    sent_lose(link);
}

void link_close(struct link *link) {
    disconnect(link);
    link->state = LINK_DOWN;
    sent_lose(link);
    free(link->sent);
    link->sent = NULL;
    link->capacity = 0;
}

/* --- connecting --- */

void link_begin(struct link *link) {
    link->state = LINK_CONNECTING;
    link->connect_until_ms = clock_monotonic_ms() + CONNECT_MS;
    link->connection = postgres_connect(link->pool->postgres, false);
    if (!link->connection)
        abort();
    if (PQstatus(link->connection) == CONNECTION_BAD) {
        link_break(link, PQerrorMessage(link->connection));
        return;
    }
    watch_descriptor(link);
    watch_writing(link);
}

static bool prepare_all(struct link *link) {
    if (PQsetnonblocking(link->connection, 1) != 0 || PQenterPipelineMode(link->connection) != 1)
        return false;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        if (PQsendPrepare(link->connection, statement_texts[i].name, statement_texts[i].postgres, 0, NULL) != 1)
            return false;
    link->preparing = STATEMENT_COUNT;
    return PQpipelineSync(link->connection) == 1 && PQflush(link->connection) >= 0;
}

static void connect_on(struct link *link) {
    switch (PQconnectPoll(link->connection)) {
    case PGRES_POLLING_OK:
        link->state = LINK_PREPARING;
        watch_descriptor(link);
        if (!prepare_all(link))
            link_break(link, PQerrorMessage(link->connection));
        else
            watch_writing(link);
        return;
    case PGRES_POLLING_WRITING:
        watch_descriptor(link);
        watch_writing(link);
        return;
    case PGRES_POLLING_FAILED:
        link_break(link, PQerrorMessage(link->connection));
        return;
    default:
        watch_descriptor(link);
    }
}

static void prepared(struct link *link, const PGresult *result) {
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
        link->preparing--;
        return;
    case PGRES_PIPELINE_SYNC:
        if (link->preparing) {
            link_break(link, "its schema does not fit: run moonlatch migrate");
            return;
        }
        link->state = LINK_READY;
        link->backoff_ms = 0;
        log_debug("store_connected", log_string("host", PQhost(link->connection)));
        return;
    case PGRES_FATAL_ERROR:
        log_error("statement_not_prepared", log_text("reason", reason_of(PQresultErrorMessage(result))));
        return;
    default:
        return;
    }
}

/* --- sending --- */

/* Behind the reads that were sent without. */
static bool sync_send(struct link *link) {
    link->owes_sync = false;
    if (PQpipelineSync(link->connection) != 1)
        return false;
    sent_push(link, NULL, true);
    return true;
}

bool link_send(struct link *link, struct job *job) {
    bool shares = job->reads && !job->is_alone;
    if (!shares && link->owes_sync && !sync_send(link))
        return false;
    job->call = 0;
    job->has_failed = job->may_retry = false;
    for (size_t i = 0; i < job->batch->count; i++) {
        job->batch->calls[i].rows->count = 0; /* of an earlier try */
        if (!value_send(link->connection, job->batch->calls[i].statement, job->batch->calls[i].values,
                        job->batch->calls[i].parameters))
            return false;
    }
    if (!shares && PQpipelineSync(link->connection) != 1)
        return false;
    sent_push(link, job, false);
    link->owes_sync = shares;
    if (!shares)
        sent_push(link, job->reads ? NULL : job, true);
    return true;
}

void link_flush(struct link *link) {
    if (link->state != LINK_READY)
        return;
    if (link->owes_sync && !sync_send(link)) {
        link_break(link, PQerrorMessage(link->connection));
        return;
    }
    int left = PQflush(link->connection);
    if (left < 0)
        link_break(link, PQerrorMessage(link->connection));
    else if (left > 0)
        watch_writing(link);
}

/* --- receiving --- */

/* Serialization failures, deadlocks, and a unique key that somebody else has just taken: the statements look first, and
 * will see it. A server that shuts down or is no primary has committed nothing (PostgreSQL, appendix A). */
static bool may_retry(const char *state) {
    return state && names_hold(SLICE("40001 40P01 23505 57P01 57P02 57P03 25006"), slice_of(state));
}

static void call_failed(struct job *job, const char *statement, const PGresult *result) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    job->has_failed = true;
    job->may_retry = may_retry(state) && job->tries < JOB_TRIES_MAX;
    struct slice reason = reason_of(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
    job->batch->why = arena_copy(job->batch->arena, reason);
    if (!job->may_retry)
        log_error("store_failed", log_string("statement", statement), log_string("code", state ? state : ""),
                  log_text("reason", reason));
}

static void call_answered(struct link *link, struct job *job, const PGresult *result) {
    enum statement statement = job->batch->calls[job->call].statement;
    const char *name = statement_texts[statement].name;
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        if (job->has_failed || value_rows_add(job->batch->calls[job->call].rows, job->batch->arena,
                                              &link->pool->postgres->columns[statement], result))
            return;
        log_error("store_failed", log_string("statement", name), log_string("reason", "a column of an unknown type"));
        job->has_failed = true;
        return;
    case PGRES_PIPELINE_ABORTED: /* what failed stands before it, in this batch or in one that shares the Sync */
        job->may_retry = job->may_retry || !job->has_failed;
        job->is_alone = job->is_alone || !job->has_failed;
        job->has_failed = true;
        return;
    default:
        call_failed(job, name, result);
    }
}

static void job_over(struct link *link, struct job *job) {
    if (job->has_failed && job->may_retry)
        pool_job_retry(link->pool, job);
    else
        pool_job_answered(link->pool, job, !job->has_failed);
}

/* The statements of the first job are answered one by one; a batch that writes is over with its Sync. */
static void first_answered(struct link *link, const PGresult *result) {
    struct sent *first = &link->sent[link->first];
    struct job *job = first->job;
    if (first->is_sync) {
        if (PQresultStatus(result) == PGRES_FATAL_ERROR && job) { /* the commit itself failed */
            call_failed(job, "COMMIT", result);
            return;
        }
        if (PQresultStatus(result) != PGRES_PIPELINE_SYNC)
            return;
        sent_pop(link);
        if (!job)
            return;
        if (!job->has_failed)
            metric_add(METRIC_db_commits, 1);
        job_over(link, job);
        return;
    }
    call_answered(link, job, result);
}

/* PQgetResult gave NULL: one statement of the first job is done with. */
static bool call_ended(struct link *link) {
    if (!link->count || link->sent[link->first].is_sync)
        return false;
    struct job *job = link->sent[link->first].job;
    if (++job->call < job->batch->count)
        return true;
    sent_pop(link);
    if (job->reads)
        job_over(link, job);
    return true;
}

static void receive(struct link *link) {
    if (PQconsumeInput(link->connection) != 1) {
        link_break(link, PQerrorMessage(link->connection));
        return;
    }
    bool goes_on = true;
    while (goes_on && link->connection && !PQisBusy(link->connection)) {
        PGresult *result = PQgetResult(link->connection);
        if (link->state == LINK_PREPARING) {
            if (result) /* NULL stands behind each statement; what is awaited is the Sync behind all */
                prepared(link, result);
            goes_on = result || PQstatus(link->connection) == CONNECTION_OK;
        } else if (result) {
            if (link->count)
                first_answered(link, result);
            goes_on = PQresultStatus(result) != PGRES_FATAL_ERROR || PQstatus(link->connection) == CONNECTION_OK;
        } else {
            goes_on = call_ended(link);
        }
        PQclear(result);
    }
    if (link->connection && PQstatus(link->connection) == CONNECTION_BAD)
        link_break(link, PQerrorMessage(link->connection));
}

void link_ready(struct link *link) {
    enum link_state before = link->state;
    link->wants_writing = false;
    if (before == LINK_DOWN)
        return;
    if (before == LINK_CONNECTING) {
        connect_on(link);
        return;
    }
    int left = PQflush(link->connection);
    if (left > 0)
        watch_writing(link);
    receive(link);
    if (before == LINK_PREPARING && link->state == LINK_READY)
        pool_link_is_up(link->pool);
}

bool link_is_overdue(const struct link *link, int64_t now_ms) {
    for (size_t i = 0; i < link->count; i++) {
        const struct job *job = link->sent[(link->first + i) % link->capacity].job;
        if (job && job->deadline_ms <= now_ms)
            return true;
    }
    return false;
}

void link_tick(struct link *link, int64_t now_ms) {
    if (link->state == LINK_DOWN && now_ms >= link->retry_ms)
        link_begin(link);
    else if ((link->state == LINK_CONNECTING || link->state == LINK_PREPARING) && now_ms >= link->connect_until_ms)
        link_break(link, "it does not answer");
}
