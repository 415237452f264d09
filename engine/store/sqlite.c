/* SQLite as a database of the store: the way in (open, migrate, connect) and the reads, which run at
 * once on the caller's thread; writes go to the writer. */
#include "base/log.h"
#include "fiber/fiber.h"
#include "store/database.h"
#include "store/migrate.h"
#include "store/rows.h"
#include "store/sqlite_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct sqlite {
    char *path;
    struct columns columns[STATEMENT_COUNT];
    struct sqlite_writer writer;
};

struct reader {
    struct sqlite *sqlite;
    struct writer_wake wake;
    struct sqlite_connection connection;
};

static void library_begin(void) {
    /* Its count of bytes in use is a lock that all threads share, and nobody asks for it. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
}

static const char *directory_of(struct arena *arena, const char *path) {
    return dirname((char *)(uintptr_t)arena_string(arena, slice_of(path)));
}

/* The log and its index lie where the file is, not where links to it are. */
static const char *sqlite_directory(struct arena *arena, const char *url) {
    const char *path = url + strlen("sqlite:");
    char *real = realpath(path, NULL);
    const char *directory = directory_of(arena, real ? real : path);
    free(real);
    return directory;
}

static bool directory_is_usable(const char *path, struct arena *arena, struct slice *error) {
    struct stat about;
    const char *directory = directory_of(arena, path);
    if (stat(directory, &about) != 0)
        *error = arena_printf(arena, "The directory %s of the database is not there (%s): create it.", directory,
                              strerror(errno));
    else if (!S_ISDIR(about.st_mode))
        *error = arena_printf(arena, "%s should be the directory of the database and is none: give another path.",
                              directory);
    else if (access(directory, W_OK | X_OK) != 0)
        *error = arena_printf(arena, "The directory %s of the database cannot be written: give this user the right.",
                              directory);
    else
        return true;
    return false;
}

/* Makes the file, readable by this user alone, when it is missing. A file that is there is not
 * opened here: closing it would drop the locks that this process holds on it (fcntl(2)). */
static bool file_is_usable(const char *path, struct arena *arena, struct slice *error) {
    struct stat about;
    if (!*path) {
        *error = SLICE("The database has no path: give sqlite:PATH.");
        return false;
    }
    if (!directory_is_usable(path, arena, error))
        return false;
    if (stat(path, &about) != 0) {
        int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (file < 0 && errno != EEXIST) {
            *error = arena_printf(arena, "%s cannot be created: %s.", path, strerror(errno));
            return false;
        }
        if (file >= 0)
            close(file);
        return true;
    }
    if (!S_ISREG(about.st_mode))
        *error = arena_printf(arena, "%s is no file: give the path of the database file.", path);
    else if (access(path, R_OK | W_OK) != 0)
        *error = arena_printf(arena, "%s cannot be written: give this user the right.", path);
    else
        return true;
    return false;
}

static bool schema_execute(void *connection, const char *sql) {
    return sqlite_execute(connection, sql) == SQLITE_OK;
}

static const char *schema_reason(void *connection) {
    return sqlite3_errmsg(((struct sqlite_connection *)connection)->handle);
}

static bool first_integer(struct sqlite_connection *connection, const char *sql, int64_t *number) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(connection->handle, sql, -1, &statement, NULL) != SQLITE_OK)
        return false;
    bool got = sqlite3_step(statement) == SQLITE_ROW;
    if (got)
        *number = sqlite3_column_int64(statement, 0);
    return sqlite3_finalize(statement) == SQLITE_OK && got;
}

static bool schema_version(void *connection, int64_t *version) {
    int64_t tables = 0;
    *version = 0;
    return first_integer(connection,
                         "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'",
                         &tables) &&
           (!tables || first_integer(connection, "SELECT coalesce(max(version), 0) FROM schema_version", version));
}

/* Copied, because the rows' names must outlive the connection that gave them. */
static void columns_read(struct sqlite *sqlite) {
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_stmt *statement = sqlite->writer.connection.statements[i];
        struct columns *columns = &sqlite->columns[i];
        columns_begin(columns, (size_t)sqlite3_column_count(statement));
        for (size_t j = 0; j < columns->count; j++)
            columns_name(columns, j, sqlite3_column_name(statement, (int)j));
    }
}

static void sqlite_free(struct sqlite *sqlite) {
    sqlite_connection_close(&sqlite->writer.connection);
    for (int i = 0; i < STATEMENT_COUNT; i++)
        columns_free(&sqlite->columns[i]);
    free(sqlite->path);
    free(sqlite);
}

static void *sqlite_open(const struct database_options *options, struct arena *arena, int64_t *version,
                         struct slice *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_begin);
    struct sqlite *sqlite = calloc(1, sizeof(*sqlite));
    if (!sqlite || !(sqlite->path = strdup(options->url + strlen("sqlite:"))))
        abort();
    struct sqlite_connection *connection = &sqlite->writer.connection;
    struct schema schema = {connection, "BEGIN IMMEDIATE", schema_execute, schema_version, schema_reason, false};
    if (!file_is_usable(sqlite->path, arena, error) ||
        !sqlite_connection_open(connection, sqlite->path, arena, error) ||
        !schema_bring(&schema, migrations, migration_count, options->migrate, arena, error) ||
        !sqlite_connection_prepare(connection, false, arena, error)) {
        sqlite_free(sqlite);
        return NULL;
    }
    *version = (int64_t)migration_count;
    columns_read(sqlite);
    connection->columns = sqlite->columns;
    if (!sqlite_writer_start(&sqlite->writer, options)) {
        *error = SLICE("The system gives this process no more threads: raise its limit.");
        sqlite_free(sqlite);
        return NULL;
    }
    return sqlite;
}

static void sqlite_close(void *opened) {
    struct sqlite *sqlite = opened;
    sqlite_writer_stop(&sqlite->writer);
    sqlite_free(sqlite);
}

static void *sqlite_connect(void *opened, struct inbox *inbox, struct arena *arena, struct slice *error) {
    struct sqlite *sqlite = opened;
    struct reader *reader = calloc(1, sizeof(*reader));
    if (!reader)
        abort();
    reader->sqlite = sqlite;
    reader->wake = (struct writer_wake){.writer = &sqlite->writer, .inbox = inbox};
    if (!sqlite_connection_open(&reader->connection, sqlite->path, arena, error) ||
        !sqlite_connection_prepare(&reader->connection, true, arena, error)) {
        sqlite_connection_close(&reader->connection);
        free(reader);
        return NULL;
    }
    reader->connection.columns = sqlite->columns;
    reader->connection.busy_ms = SQLITE_READER_BUSY_MS;
    return reader;
}

static void sqlite_disconnect(void *connection) {
    struct reader *reader = connection;
    sqlite_connection_close(&reader->connection);
    free(reader);
}

struct reading {
    struct sqlite_connection *connection;
    struct batch *batch;
    bool succeeded;
};

/* SQLite needs more stack than a fiber has. */
static void read_on_the_loop(void *argument) {
    struct reading *reading = argument;
    struct sqlite_connection *connection = reading->connection;
    const char *statement = "BEGIN";
    size_t failed = 0;
    bool in_transaction = reading->batch->count > 1; /* they see one snapshot */
    bool began = !in_transaction || sqlite_control(connection, CONTROL_BEGIN_READ) == SQLITE_OK;
    reading->succeeded = began && sqlite_calls_run(connection, reading->batch, &failed) == SQLITE_OK;
    if (began)
        statement = statement_texts[reading->batch->calls[failed].statement].name;
    if (!reading->succeeded)
        sqlite_log_failure(connection, "store_read_failed", statement);
    if (!sqlite3_get_autocommit(connection->handle))
        sqlite_control(connection, reading->succeeded ? CONTROL_COMMIT : CONTROL_ROLLBACK);
}

static bool sqlite_run(void *connection, struct batch *batch) {
    struct reader *reader = connection;
    if (batch->count == 0)
        return true;
    if (!batch_reads(batch))
        return sqlite_writer_run(&reader->sqlite->writer, &reader->wake, batch);
    struct reading reading = {.connection = &reader->connection, .batch = batch};
    fiber_hop(read_on_the_loop, &reading);
    return reading.succeeded;
}

const struct database sqlite_database = {
    .schemes = {"sqlite:"},
    .directory = sqlite_directory,
    .open = sqlite_open,
    .close = sqlite_close,
    .connect = sqlite_connect,
    .disconnect = sqlite_disconnect,
    .run = sqlite_run,
};
