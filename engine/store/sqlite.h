/* Inside the room: a connection to an SQLite file with its prepared statements. A connection belongs
 * to one thread at a time. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "store/rows.h"

#include <sqlite3.h>

/* Transaction control, prepared like the statements of sql/. */
enum sqlite_control {
    CONTROL_BEGIN_READ,
    CONTROL_BEGIN_WRITE,
    CONTROL_COMMIT,
    CONTROL_ROLLBACK,
    CONTROL_SAVEPOINT,
    CONTROL_RELEASE,
    CONTROL_ROLLBACK_TO,
    CONTROL_DATA_VERSION,
    CONTROL_COUNT
};

struct sqlite_connection {
    sqlite3 *handle;
    int busy_ms;                   /* how long a statement waits for another process's lock */
    const struct columns *columns; /* of each statement */
    sqlite3_stmt *statements[STATEMENT_COUNT];
    sqlite3_stmt *controls[CONTROL_COUNT];
};

enum { SQLITE_READER_BUSY_MS = 500, SQLITE_OPEN_BUSY_MS = 10000 };

/* Opens a file that exists. False with *error, a sentence in `arena`. */
bool sqlite_connection_open(struct sqlite_connection *connection, const char *path, struct arena *arena,
                            struct slice *error);
/* With every statement of sql/, or only those that read: the connection then refuses to write. */
bool sqlite_connection_prepare(struct sqlite_connection *connection, bool reads_only, struct arena *arena,
                               struct slice *error);
void sqlite_connection_close(struct sqlite_connection *connection);

/* SQLite's codes: SQLITE_OK, or what failed. */
int sqlite_execute(struct sqlite_connection *connection, const char *sql);
int sqlite_control(struct sqlite_connection *connection, enum sqlite_control control);
/* Runs the calls in order until one fails (*failed is its index); rows come in the batch's arena. */
int sqlite_calls_run(struct sqlite_connection *connection, struct batch *batch, size_t *failed);
/* Changes when somebody else has committed since; false when it cannot be told. */
bool sqlite_data_version(struct sqlite_connection *connection, int64_t *version);

/* A line in the log: the statement that failed and the connection's latest error. */
const char *sqlite_log_failure(const struct sqlite_connection *connection, const char *event, const char *statement);

#endif
