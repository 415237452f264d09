/* PostgreSQL as a database of the store: the way in (open, migrate, connect), and a thread's connections. */
#include "store/postgres.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/cache.h"
#include "store/migrate.h"
#include "store/record.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    /* Nobody tells this process what another has changed, so no row is answered from memory that was read longer ago:
     * what one server revokes all honour within a second, whatever the network does. */
    CACHE_MS = 900,
    BLOCKED_TICK_MS = 20,
    OPEN_TRIES = 50, /* against others that migrate at the same moment */
    OPEN_PAUSE_US = 100000,
    /* Before a batch is run again; the first time at once. */
    RETRY_FIRST_MS = 10,
    RETRY_MAX_MS = 500,
};

/* --- open --- */

static void notice_ignore(void *argument, const char *message) {
    (void)argument;
    (void)message;
}

PGconn *postgres_connect(const struct postgres *postgres, bool blocks) {
    /* What stands before the conninfo is a default, what stands behind it holds. */
    static const char *const names[] = {"connect_timeout", "fallback_application_name", "dbname", "client_encoding",
                                        NULL};
    const char *const values[] = {"5", "moonlatch", postgres->conninfo, "UTF8", NULL};
    PGconn *connection = blocks ? PQconnectdbParams(names, values, 1) : PQconnectStartParams(names, values, 1);
    if (!connection)
        abort();
    PQsetNoticeProcessor(connection, notice_ignore, NULL);
    return connection;
}

struct opening {
    PGconn *connection;
    char state[6]; /* SQLSTATE of what failed last */
};

static PGresult *execute(struct opening *opening, const char *sql) {
    PGresult *result = PQexec(opening->connection, sql);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (state)
        snprintf(opening->state, sizeof(opening->state), "%s", state);
    return result;
}

static bool is_good(const PGresult *result) {
    return PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
}

static bool schema_execute(void *connection, const char *sql) {
    PGresult *result = execute(connection, sql);
    bool good = is_good(result);
    PQclear(result);
    return good;
}

static const char *schema_reason(void *connection) {
    char *message = PQerrorMessage(((struct opening *)connection)->connection);
    message[strcspn(message, "\n")] = '\0';
    return message;
}

static bool first_integer(struct opening *opening, const char *sql, int64_t *number) {
    PGresult *result = execute(opening, sql);
    bool good = is_good(result) && PQntuples(result) == 1;
    if (good)
        *number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return good;
}

static bool schema_version(void *connection, int64_t *version) {
    int64_t tables = 0;
    *version = 0;
    return first_integer(connection, "SELECT count(to_regclass('schema_version'))", &tables) &&
           (!tables || first_integer(connection, "SELECT coalesce(max(version), 0) FROM schema_version", version));
}

/* Another server made the same table a moment before: what it did is there when one looks again. */
static bool is_race(const char *state) {
    return names_hold(SLICE("23505 42P07 42710 42701 40001 40P01 XX000"), slice_of(state));
}

static bool migrate(struct opening *opening, bool may_migrate, struct arena *arena, struct slice *error) {
    const struct schema schema = {opening, "BEGIN", schema_execute, schema_version, schema_reason, true};
    for (int i = 0; i < OPEN_TRIES; i++) {
        if (schema_bring(&schema, migrations, migration_count, may_migrate, arena, error))
            return true;
        if (!is_race(opening->state))
            return false;
        usleep(OPEN_PAUSE_US);
    }
    return false;
}

static bool column_names_read(struct columns *columns, PGconn *connection, const char *name) {
    PGresult *result = PQdescribePrepared(connection, name);
    bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
    columns_begin(columns, good ? (size_t)PQnfields(result) : 0);
    for (size_t i = 0; i < columns->count; i++) {
        columns_name(columns, i, PQfname(result, (int)i));
        good = good && value_type_is_known(PQftype(result, (int)i));
    }
    PQclear(result);
    return good;
}

/* Every statement, once: what does not fit the schema stops the start. */
static bool columns_read(struct postgres *postgres, struct opening *opening, struct arena *arena, struct slice *error) {
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        const char *name = statement_texts[i].name;
        PGresult *result = PQprepare(opening->connection, name, statement_texts[i].postgres, 0, NULL);
        bool good = is_good(result) && column_names_read(&postgres->columns[i], opening->connection, name);
        PQclear(result);
        if (good)
            continue;
        *error = arena_printf(arena, "Statement %s does not fit the database's schema (%s): run `moonlatch migrate`.",
                              name, schema_reason(opening));
        return false;
    }
    return true;
}

static void postgres_close(void *opened) {
    struct postgres *postgres = opened;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        columns_free(&postgres->columns[i]);
    free(postgres->conninfo);
    free(postgres);
}

static void *postgres_open(const struct database_options *options, struct arena *arena, int64_t *version,
                           struct slice *error) {
    struct postgres *postgres = calloc(1, sizeof(*postgres));
    if (!postgres || !(postgres->conninfo = strdup(options->url)))
        abort();
    postgres->queue_max = options->queue_max;
    postgres->thread_max = options->connections < LINKS_MIN   ? LINKS_MIN
                           : options->connections > LINKS_MAX ? LINKS_MAX
                                                              : options->connections;
    struct opening opening = {.connection = postgres_connect(postgres, true)};
    bool is_open = PQstatus(opening.connection) == CONNECTION_OK;
    if (!is_open)
        *error = arena_printf(arena, "The database cannot be reached (%s): start it, or give another --database.",
                              schema_reason(&opening));
    is_open =
        is_open && migrate(&opening, options->migrate, arena, error) && columns_read(postgres, &opening, arena, error);
    PQfinish(opening.connection);
    if (is_open) {
        *version = (int64_t)migration_count;
        if (options->cache) {
            cache_keep_for(options->cache, CACHE_MS);
            cache_vouch(options->cache, INT64_MAX);
        }
        return postgres;
    }
    postgres_close(postgres);
    return NULL;
}

/* --- jobs --- */

void jobs_push(struct jobs *jobs, struct job *job) {
    job->next = NULL;
    *(jobs->last ? &jobs->last->next : &jobs->first) = job;
    jobs->last = job;
    jobs->count++;
}

struct job *jobs_pop(struct jobs *jobs) {
    struct job *job = jobs->first;
    assert(!job == (jobs->count == 0));
    if (!job)
        return NULL;
    jobs->first = job->next;
    jobs->last = jobs->first ? jobs->last : NULL;
    jobs->count--;
    return job;
}

static void flush_want(struct pool *pool) {
    if (!pool->inbox || pool->is_flushing || pool->is_closing)
        return;
    pool->is_flushing = true;
    pool->inbox->soon(pool->inbox, &pool->flush);
}

void pool_job_answered(struct pool *pool, struct job *job, bool succeeded) {
    pool->job_count--;
    metric_add(METRIC_db_queue, -1);
    job->is_done = true;
    job->succeeded = succeeded;
    if (job->wait.fiber)
        fiber_resume(job->wait); /* which frees the job */
}

/* Nobody will know what became of it. */
static void job_give_up(struct pool *pool, struct job *job) {
    if (job->batch->is_repeated)
        log_error("store_outcome_unknown", log_string("reason", "the connection broke; it may have been committed"),
                  log_string("statement", statement_texts[job->batch->calls[0].statement].name));
    pool_job_answered(pool, job, false);
}

void pool_job_retry(struct pool *pool, struct job *job) {
    int64_t now_ms = clock_monotonic_ms();
    if (pool->is_closing || now_ms >= job->deadline_ms || job->tries >= JOB_TRIES_MAX) {
        job_give_up(pool, job);
        return;
    }
    int64_t pause_ms = job->tries ? RETRY_FIRST_MS << (job->tries - 1) : 0;
    job->not_before_ms = now_ms + (pause_ms < RETRY_MAX_MS ? pause_ms : RETRY_MAX_MS);
    job->tries++;
    jobs_push(&pool->waiting, job);
    flush_want(pool);
}

/* Of those for its kind the one with the least to do, else any that is up; NULL when none is. */
static struct link *link_choose(struct pool *pool, bool reads) {
    struct link *chosen = NULL;
    bool is_fit = false;
    for (size_t i = 0; i < pool->link_count; i++) {
        struct link *link = &pool->links[i];
        bool fits = (i < pool->read_count) == reads;
        if (link->state != LINK_READY || (is_fit && !fits))
            continue;
        if (!chosen || (fits && !is_fit) || link->count < chosen->count) {
            chosen = link;
            is_fit = fits;
        }
    }
    return chosen;
}

/* All reads of a turn take one link, and share its Sync and its system call. */
static void pool_flush(struct pool *pool) {
    struct link *reading = NULL;
    int64_t now_ms = clock_monotonic_ms();
    for (size_t left = pool->waiting.count; left; left--) {
        bool reads = pool->waiting.first->reads;
        if (pool->waiting.first->not_before_ms > now_ms) {
            jobs_push(&pool->waiting, jobs_pop(&pool->waiting));
            continue;
        }
        bool is_chosen = reads && reading && reading->state == LINK_READY;
        struct link *link = is_chosen ? reading : link_choose(pool, reads);
        if (!link)
            break;
        if (reads)
            reading = link;
        struct job *job = jobs_pop(&pool->waiting);
        assert(job);
        if (!link_send(link, job)) {
            link_break(link, PQerrorMessage(link->connection));
            pool_job_retry(pool, job);
        }
    }
    for (size_t i = 0; i < pool->link_count; i++)
        link_flush(&pool->links[i]);
}

static void on_flush(struct completion *completion) {
    struct pool *pool = (struct pool *)completion;
    pool->is_flushing = false;
    pool_flush(pool);
}

void pool_link_is_up(struct pool *pool) {
    if (pool->inbox)
        flush_want(pool);
    else
        pool_flush(pool);
}

/* Those that wait too long are answered; a connection that owes an answer for too long is given up. */
static void postgres_tick(void *connection, int64_t now_ms) {
    struct pool *pool = connection;
    for (size_t left = pool->waiting.count; left; left--) {
        struct job *job = jobs_pop(&pool->waiting);
        assert(job);
        if (now_ms < job->deadline_ms) {
            jobs_push(&pool->waiting, job);
            continue;
        }
        log_error("store_timeout", log_string("reason", "no connection to the database in time"));
        job_give_up(pool, job);
    }
    if (pool->waiting.count)
        flush_want(pool); /* some wait before they are run again */
    for (size_t i = 0; i < pool->link_count; i++) {
        struct link *link = &pool->links[i];
        if (link_is_overdue(link, now_ms))
            link_break(link, "it does not answer");
        link_tick(link, now_ms);
    }
}

/* --- a thread --- */

static void *postgres_thread(void *opened, struct inbox *inbox, struct arena *arena, struct slice *error) {
    (void)arena;
    (void)error;
    struct pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        abort();
    pool->postgres = opened;
    pool->inbox = inbox && inbox->watch ? inbox : NULL;
    pool->flush.run = on_flush;
    pool->link_count = pool->inbox ? pool->postgres->thread_max : 1;
    pool->read_count = pool->link_count > 2 * READ_LINKS_MAX ? READ_LINKS_MAX : 1;
    for (size_t i = 0; i < pool->link_count; i++)
        pool->links[i].pool = pool;
    return pool;
}

static void postgres_disconnect(void *connection) {
    struct pool *pool = connection;
    pool->is_closing = true;
    for (size_t i = 0; i < pool->link_count; i++)
        link_close(&pool->links[i]);
    while (pool->waiting.count)
        pool_job_answered(pool, jobs_pop(&pool->waiting), false);
    free(pool);
}

/* For a thread without a loop. */
static void block(struct pool *pool, const struct job *job) {
    struct link *link = &pool->links[0];
    pool_flush(pool);
    while (!job->is_done) {
        postgres_tick(pool, clock_monotonic_ms());
        struct pollfd wanted = {.fd = link->connection ? PQsocket(link->connection) : -1,
                                .events = (short)(POLLIN | (link->wants_writing ? POLLOUT : 0))};
        if (!job->is_done && poll(&wanted, 1, BLOCKED_TICK_MS) > 0)
            link_ready(link);
        if (!job->is_done)
            pool_flush(pool);
    }
}

struct submission {
    struct pool *pool;
    struct job *job;
};

/* On the loop's stack. */
static void submit(void *context) {
    struct submission *submission = context;
    jobs_push(&submission->pool->waiting, submission->job);
    flush_want(submission->pool);
}

static bool postgres_run(void *connection, struct batch *batch) {
    struct pool *pool = connection;
    if (batch->count == 0)
        return true;
    if (pool->job_count >= pool->postgres->queue_max) {
        log_error("store_queue_full", log_int("batches", (int64_t)pool->job_count));
        return false;
    }
    struct job *job = calloc(1, sizeof(*job));
    if (!job)
        abort();
    job->batch = batch;
    job->reads = batch_reads(batch);
    job->deadline_ms = clock_monotonic_ms() + batch->timeout_ms;
    pool->job_count++;
    metric_add(METRIC_db_queue, 1);
    struct submission submission = {pool, job};
    if (pool->inbox && fiber_current()) {
        job->wait = fiber_wait_prepare();
        fiber_hop(submit, &submission);
        fiber_wait();
    } else {
        submit(&submission);
        block(pool, job);
    }
    bool succeeded = job->succeeded;
    free(job);
    return succeeded;
}

static int64_t postgres_broken_at_ms(void *opened) {
    return ((struct postgres *)opened)->broken_at_ms;
}

const struct database postgres_database = {
    .schemes = {"postgresql:", "postgres:"},
    .open = postgres_open,
    .close = postgres_close,
    .connect = postgres_thread,
    .disconnect = postgres_disconnect,
    .run = postgres_run,
    .tick = postgres_tick,
    .broken_at_ms = postgres_broken_at_ms,
};
