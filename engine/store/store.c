#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "fiber/fiber.h"
#include "store/cache.h"
#include "store/database.h"
#include "store/faults.h"
#include "store/rows.h"
#include "store/untold.h"

#include <stdlib.h>

enum {
    SWEEP_ROWS_MAX = 50, /* a statement: little enough that nobody's commit waits long for the log of its */
    ERROR_MAX = 512,
    QUEUE_DEFAULT = 1024,
    TIMEOUT_DEFAULT_MS = 5000,
    AWAY_MS = 5000, /* behind a fault, until all servers have stored what they told nobody */
};

struct store {
    const struct database *database;
    void *opened;
    struct cache *cache; /* or NULL */
    struct untold *untold;
    int64_t timeout_ms;
    int64_t schema_version;
};

struct db {
    struct store *store;
    void *connection;
};

static const struct database *const databases[] = {&sqlite_database, &postgres_database};

static const struct database *database_of(const char *url) {
    for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
        for (size_t j = 0; j < DATABASE_SCHEMES && databases[i]->schemes[j]; j++)
            if (slice_starts(slice_of(url), databases[i]->schemes[j]))
                return databases[i];
    return strchr(url, '=') ? &postgres_database : NULL; /* libpq's other form: "host=… dbname=…" */
}

const char *store_directory(struct arena *arena, const char *url) {
    const struct database *database = database_of(url);
    return database && database->directory ? database->directory(arena, url) : NULL;
}

struct store *store_open(struct arena *arena, const struct store_options *options, struct slice *error) {
    const struct database *database = database_of(options->url);
    if (!database) {
        *error = SLICE("The database must be given as sqlite:PATH or postgresql://….");
        return NULL;
    }
    struct store *store = arena_zalloc(arena, sizeof(*store));
    store->database = database;
    store->cache = options->cache_bytes ? cache_new(options->cache_bytes) : NULL;
    struct database_options below = {
        .url = options->url,
        .migrate = options->migrate,
        .queue_max = options->queue_max ? options->queue_max : QUEUE_DEFAULT,
        .group_max = options->group_max ? options->group_max : STORE_GROUP_MAX,
        .connections = options->connections,
        .cache = store->cache,
    };
    store->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_DEFAULT_MS;
    store->opened = database->open(&below, arena, &store->schema_version, error);
    if (store->opened) {
        store->untold = untold_new();
        return store;
    }
    if (store->cache)
        cache_free(store->cache);
    return NULL;
}

void store_close(struct store *store) {
    store->database->close(store->opened);
    if (store->cache)
        cache_free(store->cache);
    untold_free(store->untold);
}

int64_t store_schema_version(const struct store *store) {
    return store->schema_version;
}

struct db *db_open(struct store *store, struct inbox *inbox, struct slice *error) {
    static _Thread_local char error_text[ERROR_MAX];
    struct arena arena;
    struct slice why = SLICE("Out of memory.");
    struct db *db = malloc(sizeof(*db));
    arena_init(&arena);
    void *connection = db ? store->database->connect(store->opened, inbox, &arena, &why) : NULL;
    if (connection) {
        *db = (struct db){store, connection};
    } else {
        size_t len = why.len < ERROR_MAX ? why.len : ERROR_MAX;
        memcpy(error_text, why.at, len);
        *error = (struct slice){error_text, len};
        free(db);
        db = NULL;
    }
    arena_free(&arena);
    return db;
}

void db_close(struct db *db) {
    db->store->database->disconnect(db->connection);
    free(db);
}

void db_tick(struct db *db, int64_t now_ms) {
    if (db->store->database->tick)
        db->store->database->tick(db->connection, now_ms);
}

/* Within what is left of the fiber's time. */
static bool run_in_time(struct db *db, struct batch *batch) {
    int64_t left_ms = fiber_budget(), began_ms = clock_monotonic_ms();
    batch->timeout_ms = left_ms < db->store->timeout_ms ? left_ms : db->store->timeout_ms;
    bool is_run = batch->timeout_ms > 0 && faults_run(db->store->database, db->connection, batch);
    if (left_ms != INT64_MAX)
        fiber_budget_set(left_ms - (clock_monotonic_ms() - began_ms));
    return is_run;
}

bool db_run(struct db *db, struct batch *batch) {
    metric_add(METRIC_db_batches, 1);
    batch->why = SLICE_NONE;
    bool is_run = (untold_is_empty(db->store->untold) || batch_reads(batch) || db_untold_store(db, batch->arena)) &&
                  run_in_time(db, batch);
    if (!is_run)
        metric_add(METRIC_db_failures, 1);
    if (batch->is_repeated) /* the last run may not name all that another has changed */
        db_forget_all(db);
    if (is_run)
        batch->why = SLICE_NONE; /* of a try that failed before it succeeded */
    return is_run;
}

void db_untold(struct db *db, struct slice work_id) {
    untold_add(db->store->untold, work_id);
}

bool db_has_untold(const struct db *db) {
    return !untold_is_empty(db->store->untold);
}

bool db_untold_store(struct db *db, struct arena *arena) {
    struct untold *untold = db->store->untold;
    while (!untold_is_empty(untold)) {
        struct batch batch = batch_in(arena);
        if (untold_fill(untold, &batch) == 0)
            return true;
        if (!run_in_time(db, &batch))
            return false;
        untold_forget(untold, &batch);
    }
    return true;
}

bool db_run_told(struct db *db, struct batch *batch) {
    return db_untold_store(db, batch->arena) && db_run(db, batch);
}

bool db_was_away(const struct db *db) {
    const struct store *store = db->store;
    int64_t broken_at_ms = store->database->broken_at_ms ? store->database->broken_at_ms(store->opened) : 0;
    return broken_at_ms && clock_monotonic_ms() - broken_at_ms < AWAY_MS;
}

/* `miss`: of the cache, where there is one. */
static struct rows *read_and_fill(struct db *db, struct arena *arena, enum statement statement, struct slice key,
                                  struct cache_miss miss) {
    struct batch batch = batch_in(arena);
    struct rows *rows = batch_add(&batch, statement, db_text(key));
    if (!db_run(db, &batch))
        return NULL;
    if (db->store->cache)
        cache_fill(db->store->cache, statement, key, rows, miss);
    return rows;
}

struct rows *db_find(struct db *db, struct arena *arena, enum statement statement, struct slice key) {
    struct cache *cache = db->store->cache;
    struct cache_miss miss = {0};
    struct rows *rows = cache ? cache_find(cache, arena, statement, key, &miss) : NULL;
    if (!rows)
        return read_and_fill(db, arena, statement, key, miss);
    rows->is_remembered = true;
    return rows;
}

struct rows *db_find_again(struct db *db, struct arena *arena, enum statement statement, struct slice key) {
    struct cache *cache = db->store->cache;
    return read_and_fill(db, arena, statement, key, cache ? cache_pass(cache, statement, key) : (struct cache_miss){0});
}

void db_forget(struct db *db, enum statement statement, struct slice key) {
    if (db->store->cache)
        cache_forget(db->store->cache, statement, key);
}

void db_forget_all(struct db *db) {
    if (db->store->cache)
        cache_forget_all(db->store->cache);
}

bool db_sweep(struct db *db, struct arena *arena, int64_t now_s) {
    bool more = false;
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        if (!slice_starts(slice_of(statement_texts[i].name), "sweep_"))
            continue;
        struct batch batch = batch_in(arena);
        struct rows *gone = batch_add(&batch, (enum statement)i, db_int(now_s), db_int(SWEEP_ROWS_MAX));
        if (!db_run(db, &batch))
            return false;
        if (gone->count)
            log_debug("swept", log_string("statement", statement_texts[i].name), log_int("rows", (int64_t)gone->count));
        more = more || gone->count == SWEEP_ROWS_MAX;
    }
    return more;
}
