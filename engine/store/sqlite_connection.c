#include "base/clock.h"
#include "base/log.h"
#include "store/rows.h"
#include "store/sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUSY_PAUSE_US = 1000 };

static const char *const control_texts[CONTROL_COUNT] = {
    [CONTROL_BEGIN_READ] = "BEGIN",
    [CONTROL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [CONTROL_COMMIT] = "COMMIT",
    [CONTROL_ROLLBACK] = "ROLLBACK",
    [CONTROL_SAVEPOINT] = "SAVEPOINT batch",
    [CONTROL_RELEASE] = "RELEASE batch",
    [CONTROL_ROLLBACK_TO] = "ROLLBACK TO batch",
    [CONTROL_DATA_VERSION] = "PRAGMA data_version",
};

/* Another process's writer leaves its lock for moments only, so ask often (SQLite's own handler
 * sleeps up to 100 ms at a time and would starve). */
static int busy_wait(void *argument, int times) {
    const struct sqlite_connection *connection = argument;
    if ((int64_t)times * BUSY_PAUSE_US / 1000 >= connection->busy_ms)
        return 0;
    usleep(BUSY_PAUSE_US);
    return 1;
}

int sqlite_execute(struct sqlite_connection *connection, const char *sql) {
    return sqlite3_exec(connection->handle, sql, NULL, NULL, NULL);
}

static bool open_failed(const struct sqlite_connection *connection, const char *path, int code, struct arena *arena,
                        struct slice *error) {
    const char *reason = connection->handle ? sqlite3_errmsg(connection->handle) : sqlite3_errstr(code);
    switch (code & 0xff) {
    case SQLITE_NOTADB:
        *error = arena_printf(arena, "%s is not an SQLite database: give another path or move that file away.", path);
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        *error = arena_printf(arena, "%s is held by another process: stop that process and try again.", path);
        break;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        *error =
            arena_printf(arena, "%s cannot be written (%s): make the file and its directory writable.", path, reason);
        break;
    case SQLITE_FULL:
        *error = arena_printf(arena, "The disk of %s is full: make room and try again.", path);
        break;
    default:
        *error = arena_printf(arena, "%s cannot be opened as a database: %s.", path, reason);
    }
    return false;
}

/* Two processes that turn WAL on at once: the later one is told that it is busy without a wait. */
static int wal_begin(struct sqlite_connection *connection) {
    int64_t until_ms = clock_monotonic_ms() + connection->busy_ms;
    int code;
    while ((code = sqlite_execute(connection, "PRAGMA journal_mode=WAL") & 0xff) == SQLITE_BUSY &&
           clock_monotonic_ms() < until_ms)
        usleep(BUSY_PAUSE_US);
    return code;
}

bool sqlite_connection_open(struct sqlite_connection *connection, const char *path, struct arena *arena,
                            struct slice *error) {
    *connection = (struct sqlite_connection){.busy_ms = SQLITE_OPEN_BUSY_MS};
    int code = sqlite3_open_v2(path, &connection->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        sqlite3_extended_result_codes(connection->handle, 1);
        sqlite3_busy_handler(connection->handle, busy_wait, connection);
        /* "x" is a name and never text, as in PostgreSQL. */
        sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
        sqlite3_db_config(connection->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
        code = wal_begin(connection);
    }
    if (code == SQLITE_OK)
        code = sqlite_execute(connection, "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
                                          "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384;"
                                          /* Pages of the log before they are moved to the file: hot pages are
                                           * then moved once for many commits. */
                                          "PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=67108864");
    if (code == SQLITE_OK)
        return true;
    open_failed(connection, path, code, arena, error);
    sqlite_connection_close(connection);
    return false;
}

static bool prepare(struct sqlite_connection *connection, const char *name, const char *sql, sqlite3_stmt **statement,
                    struct arena *arena, struct slice *error) {
    if (sqlite3_prepare_v3(connection->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) == SQLITE_OK)
        return true;
    *error =
        arena_printf(arena, "Statement %s does not fit the database's schema (%s): restore the schema from a backup.",
                     name, sqlite3_errmsg(connection->handle));
    return false;
}

bool sqlite_connection_prepare(struct sqlite_connection *connection, bool reads_only, struct arena *arena,
                               struct slice *error) {
    for (int i = 0; i < CONTROL_COUNT; i++)
        if (!prepare(connection, "of control", control_texts[i], &connection->controls[i], arena, error))
            return false;
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        const struct statement_text *text = &statement_texts[i];
        if (reads_only && !text->reads)
            continue;
        if (!prepare(connection, text->name, text->sql, &connection->statements[i], arena, error))
            return false;
        if (text->reads && !sqlite3_stmt_readonly(connection->statements[i])) {
            *error = arena_printf(arena, "Statement %s was taken for one that reads, but it writes.", text->name);
            return false;
        }
    }
    if (reads_only && sqlite_execute(connection, "PRAGMA query_only=ON") != SQLITE_OK) {
        *error = arena_printf(arena, "The database cannot be read: %s.", sqlite3_errmsg(connection->handle));
        return false;
    }
    return true;
}

void sqlite_connection_close(struct sqlite_connection *connection) {
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(connection->statements[i]);
    for (int i = 0; i < CONTROL_COUNT; i++)
        sqlite3_finalize(connection->controls[i]);
    sqlite3_close(connection->handle);
    *connection = (struct sqlite_connection){0};
}

int sqlite_control(struct sqlite_connection *connection, enum sqlite_control control) {
    sqlite3_stmt *statement = connection->controls[control];
    sqlite3_step(statement);
    return sqlite3_reset(statement); /* the code of what failed, too */
}

bool sqlite_data_version(struct sqlite_connection *connection, int64_t *version) {
    sqlite3_stmt *statement = connection->controls[CONTROL_DATA_VERSION];
    bool got = sqlite3_step(statement) == SQLITE_ROW;
    if (got)
        *version = sqlite3_column_int64(statement, 0);
    return sqlite3_reset(statement) == SQLITE_OK && got;
}

static int bind(sqlite3_stmt *statement, int at, const struct db_value *value) {
    switch (value->kind) {
    case DB_NULL:
        return sqlite3_bind_null(statement, at);
    case DB_INT:
    case DB_BOOL:
        return sqlite3_bind_int64(statement, at, value->integer);
    case DB_TEXT:
        return sqlite3_bind_text64(statement, at, value->bytes.at, value->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    case DB_BLOB: /* an empty one may have no address, which SQLite takes for NULL */
        return sqlite3_bind_blob64(statement, at, value->bytes.len ? value->bytes.at : "", value->bytes.len,
                                   SQLITE_STATIC);
    }
    abort();
}

static struct db_value column_read(sqlite3_stmt *statement, int at, struct arena *arena) {
    int type = sqlite3_column_type(statement, at);
    if (type == SQLITE_NULL)
        return db_null();
    if (type != SQLITE_TEXT && type != SQLITE_BLOB)
        return db_int(sqlite3_column_int64(statement, at));
    const void *bytes =
        type == SQLITE_TEXT ? (const void *)sqlite3_column_text(statement, at) : sqlite3_column_blob(statement, at);
    if (!bytes && type == SQLITE_TEXT) {
        fputs("moonlatch: out of memory\n", stderr);
        abort();
    }
    size_t len = (size_t)sqlite3_column_bytes(statement, at);
    struct slice copy = arena_copy(arena, (struct slice){bytes ? bytes : "", len});
    return (struct db_value){.kind = type == SQLITE_TEXT ? DB_TEXT : DB_BLOB, .bytes = copy};
}

static int statement_run(sqlite3_stmt *statement, struct rows *rows, struct arena *arena) {
    size_t capacity = 0;
    rows->count = 0;
    while (sqlite3_step(statement) == SQLITE_ROW) {
        struct db_value *values = rows_extend(rows, arena, &capacity);
        for (size_t i = 0; i < rows->columns; i++)
            values[i] = column_read(statement, (int)i, arena);
        rows->count++;
    }
    /* A statement that is not reset holds its snapshot, and the log of the file only grows. */
    return sqlite3_reset(statement);
}

int sqlite_calls_run(struct sqlite_connection *connection, struct batch *batch, size_t *failed) {
    for (size_t i = 0; i < batch->count; i++) {
        enum statement name = batch->calls[i].statement;
        sqlite3_stmt *statement = connection->statements[name];
        struct rows *rows = batch->calls[i].rows;
        rows->columns = connection->columns[name].count;
        rows->names = connection->columns[name].names;
        int code = SQLITE_OK;
        for (size_t j = 0; j < batch->calls[i].parameters && code == SQLITE_OK; j++)
            code = bind(statement, (int)j + 1, &batch->calls[i].values[j]);
        if (code == SQLITE_OK)
            code = statement_run(statement, rows, batch->arena);
        sqlite3_clear_bindings(statement); /* they are the caller's memory */
        if (code != SQLITE_OK) {
            *failed = i;
            return code;
        }
    }
    return SQLITE_OK;
}

const char *sqlite_log_failure(const struct sqlite_connection *connection, const char *event, const char *statement) {
    int code = sqlite3_extended_errcode(connection->handle);
    log_error(event, log_string("statement", statement), log_string("reason", sqlite3_errmsg(connection->handle)),
              log_int("code", code), log_int("errno", sqlite3_system_errno(connection->handle)));
    return sqlite3_errstr(code);
}
