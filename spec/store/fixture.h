/* What the store's unit tests share: a directory of their own, a store in it, and an inbox on a pipe. With
 * MOONLATCH_SPEC_POSTGRES in the environment (a connection string) the store is a schema of its own there. */
#ifndef SPEC_STORE_FIXTURE_H
#define SPEC_STORE_FIXTURE_H

#include "../unit/unit.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/inbox.h"
#include "store/store.h"

#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

static char fixture_directory[64], fixture_path[96], fixture_url[256];
static struct arena fixture_arena;
static struct store *fixture_store;
static struct db *fixture_db;

static inline const char *fixture_postgres(void) {
    return getenv("MOONLATCH_SPEC_POSTGRES");
}

/* By a connection of somebody else: the first cell of the result as a number; -1 when there is none, or it failed. */
static inline int64_t postgres_asks(const char *url, const char *sql) {
    PGconn *connection = PQconnectdb(url);
    PGresult *result = PQexec(connection, sql);
    bool has_cell = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0;
    int64_t number = has_cell ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : -1;
    PQclear(result);
    PQfinish(connection);
    return number;
}

static inline void fixture_schema(const char *verb, const char *more) {
    char sql[160];
    snprintf(sql, sizeof(sql), "SET client_min_messages = error; %s SCHEMA \"%s\"%s", verb,
             strrchr(fixture_directory, '/') + 1, more);
    postgres_asks(fixture_postgres(), sql);
}

/* An empty directory; the log falls silent (failures are provoked here). */
static inline void fixture_begin(void) {
    log_level_set((enum log_level)(LOG_ERROR + 1));
    strcpy(fixture_directory, "/tmp/moonlatch-store-XXXXXX");
    if (!mkdtemp(fixture_directory))
        abort();
    snprintf(fixture_path, sizeof(fixture_path), "%s/moonlatch.db", fixture_directory);
    snprintf(fixture_url, sizeof(fixture_url), "sqlite:%s", fixture_path);
    if (fixture_postgres()) {
        snprintf(fixture_url, sizeof(fixture_url), "%s&options=-csearch_path%%3D\"%s\",public", fixture_postgres(),
                 strrchr(fixture_directory, '/') + 1);
        fixture_schema("CREATE", "");
    }
    arena_init(&fixture_arena);
}

static inline struct store *fixture_open_with(size_t cache_bytes, size_t queue_max, int64_t timeout_ms) {
    struct slice error = SLICE_NONE;
    struct store_options options = {.url = fixture_url,
                                    .migrate = true,
                                    .cache_bytes = cache_bytes,
                                    .queue_max = queue_max,
                                    .timeout_ms = timeout_ms};
    fixture_store = store_open(&fixture_arena, &options, &error);
    fixture_db = fixture_store ? db_open(fixture_store, NULL, &error) : NULL;
    if (!fixture_db) {
        printf("# %.*s\n", SLICE_ARG(error));
        exit(1);
    }
    return fixture_store;
}

static inline struct store *fixture_open(void) {
    return fixture_open_with(0, 1000, 10000);
}

static inline void fixture_close(void) {
    db_close(fixture_db);
    store_close(fixture_store);
}

static inline void fixture_end(void) {
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char path[128];
    if (fixture_postgres())
        fixture_schema("DROP", " CASCADE");
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s%s", fixture_path, ends[i]);
        unlink(path);
    }
    rmdir(fixture_directory);
    arena_free(&fixture_arena);
}

/* A connection of somebody else, as another process would have it. */
static inline sqlite3 *stranger_open(void) {
    sqlite3 *stranger = NULL;
    if (sqlite3_open(fixture_path, &stranger) != SQLITE_OK)
        abort();
    sqlite3_busy_timeout(stranger, 5000);
    return stranger;
}

static inline bool stranger_runs(sqlite3 *stranger, const char *sql) {
    return sqlite3_exec(stranger, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static inline int64_t stranger_counts(sqlite3 *stranger, const char *sql) {
    sqlite3_stmt *statement = NULL;
    int64_t count = -1;
    if (sqlite3_prepare_v2(stranger, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        count = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return count;
}

/* On either database. */
static inline int64_t outside_asks(const char *sql) {
    if (fixture_postgres())
        return postgres_asks(fixture_url, sql);
    sqlite3 *stranger = stranger_open();
    int64_t number = stranger_counts(stranger, sql);
    sqlite3_close(stranger);
    return number;
}

static inline struct rows *spend_add(struct batch *batch, const char *id, const char *by) {
    return batch_add(batch, STATEMENT_spend, db_text(slice_of(id)), db_text(slice_of(by)), db_int(1000));
}

enum spending { SPEND_FAILED, SPEND_LOST, SPEND_FIRST };

static inline enum spending spend(struct db *db, const char *id, const char *by) {
    struct arena arena;
    arena_init(&arena);
    struct batch batch = batch_in(&arena);
    struct rows *rows = spend_add(&batch, id, by);
    bool ran = db_run(db, &batch);
    bool first = ran && rows->count == 1 && slice_is(row_text(rows, 0, "spent_id"), id);
    arena_free(&arena);
    return !ran ? SPEND_FAILED : first ? SPEND_FIRST : SPEND_LOST;
}

static inline bool is_spent(struct db *db, const char *id) {
    struct arena arena;
    arena_init(&arena);
    struct batch batch = batch_in(&arena);
    struct rows *rows = batch_add(&batch, STATEMENT_spent_find, db_text(slice_of(id)));
    bool spent = db_run(db, &batch) && rows->count == 1;
    arena_free(&arena);
    return spent;
}

/* A loop for fibers: what is posted is run by pipe_inbox_turn on the loop's thread. */
struct pipe_inbox {
    struct inbox inbox;
    pthread_mutex_t mutex;
    h2o_linklist_t posted;
    int ends[2];
};

static inline void pipe_inbox_post(struct inbox *inbox, struct completion *completion) {
    struct pipe_inbox *self = (struct pipe_inbox *)inbox;
    pthread_mutex_lock(&self->mutex);
    h2o_linklist_insert(&self->posted, &completion->link);
    pthread_mutex_unlock(&self->mutex);
    if (write(self->ends[1], "", 1) != 1)
        abort();
}

static inline void pipe_inbox_begin(struct pipe_inbox *self) {
    self->inbox = (struct inbox){.post = pipe_inbox_post};
    pthread_mutex_init(&self->mutex, NULL);
    h2o_linklist_init_anchor(&self->posted);
    if (pipe(self->ends) != 0)
        abort();
}

/* Runs one completion; false when none comes within wait_ms. */
static inline bool pipe_inbox_turn(struct pipe_inbox *self, int wait_ms) {
    struct pollfd readable = {.fd = self->ends[0], .events = POLLIN};
    char byte;
    if (poll(&readable, 1, wait_ms) != 1 || read(self->ends[0], &byte, 1) != 1)
        return false;
    pthread_mutex_lock(&self->mutex);
    struct completion *completion =
        (struct completion *)(void *)((char *)self->posted.next - offsetof(struct completion, link));
    h2o_linklist_unlink(&completion->link);
    pthread_mutex_unlock(&self->mutex);
    completion->run(completion);
    return true;
}

static inline void pipe_inbox_end(struct pipe_inbox *self) {
    close(self->ends[0]);
    close(self->ends[1]);
    pthread_mutex_destroy(&self->mutex);
}

#endif
