/* The store: the one place where a fiber waits.
 *
 * All SQL is in sql/statements/, named; the build turns the names into the enum STATEMENT_<name>
 * (generated header store/statements.h). An endpoint fills a batch with statements and runs it:
 *
 *     struct batch batch = batch_in(request->arena);
 *     struct rows *used = batch_add(&batch, STATEMENT_nonce_spend, db_text(nonce), db_int(expires_at_s));
 *     struct rows *made = batch_add(&batch, STATEMENT_session_insert, …);
 *     if (!db_run(db, &batch)) return … ERROR_STORE_UNAVAILABLE …;
 *     if (used->count == 0) …
 *
 * A batch is atomic and takes one round trip. There are no open transactions: what must be decided
 * inside is written as compare-and-set in SQL. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "store/statements.h" /* generated from sql/ */

struct store; /* one per process */
struct db;    /* one per thread, on the store */

enum db_kind { DB_NULL, DB_INT, DB_BOOL, DB_TEXT, DB_BLOB };

struct db_value {
    enum db_kind kind;
    int64_t integer;    /* DB_INT, DB_BOOL */
    struct slice bytes; /* DB_TEXT, DB_BLOB; must live until db_run returns */
};

static inline struct db_value db_int(int64_t integer) {
    return (struct db_value){.kind = DB_INT, .integer = integer};
}

static inline struct db_value db_bool(bool yes) {
    return (struct db_value){.kind = DB_BOOL, .integer = yes};
}

/* NULL in the database when absent. */
static inline struct db_value db_text(struct slice text) {
    return (struct db_value){.kind = slice_is_set(text) ? DB_TEXT : DB_NULL, .bytes = text};
}

static inline struct db_value db_blob(const void *at, size_t len) {
    return (struct db_value){.kind = DB_BLOB, .bytes = {at, len}};
}

static inline struct db_value db_null(void) {
    return (struct db_value){.kind = DB_NULL};
}

/* The rows of one statement (of SELECT, or of RETURNING), in the batch's arena. */
struct rows {
    size_t count, columns;
    const char *const *names; /* of the columns; live as long as the store */
    struct db_value *values;  /* count × columns, row by row */
    bool is_remembered;       /* db_find had them in memory: elsewhere they may have been changed a moment ago */
};

/* The cell of a row by column name. A name that the statement does not have is a bug and aborts. */
struct slice row_text(const struct rows *rows, size_t row, const char *column); /* absent for NULL; text or blob */
int64_t row_int(const struct rows *rows, size_t row, const char *column);       /* 0 for NULL */
bool row_bool(const struct rows *rows, size_t row, const char *column);         /* false for NULL */
bool row_is_null(const struct rows *rows, size_t row, const char *column);

enum { BATCH_STATEMENTS_MAX = 18, STATEMENT_PARAMETERS_MAX = 32 };

struct batch {
    struct arena *arena;
    struct slice why; /* it failed, in the database's words, in `arena`; absent: the database has said nothing */
    size_t count;
    int64_t timeout_ms; /* db_run's: how long it may take */
    bool is_repeated; /* db_run's: it was run more than once, since an answer was lost that may have told of a commit */
    struct {
        enum statement statement;
        unsigned parameters; /* beside it: batches lie on fibers' stacks */
        const struct db_value *values;
        struct rows *rows;
    } calls[BATCH_STATEMENTS_MAX];
};

struct batch batch_in(struct arena *arena);

/* Whether it deleted or revoked what `rows` tells of. A batch that was run again finds no more what it has found
 * before. */
static inline bool batch_did(const struct batch *batch, const struct rows *rows) {
    return rows->count || batch->is_repeated;
}

/* Adds a statement; its rows are filled by db_run. The number of parameters must be the
 * statement's (checked; a mismatch is a bug and aborts). */
#define batch_add(batch, statement, ...) \
    batch_add_values(batch, statement, (const struct db_value[]){__VA_ARGS__}, \
                     sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))
struct rows *batch_add_values(struct batch *batch, enum statement statement, const struct db_value *values,
                              size_t count);

/* A thread with a loop calls this every 50 ms or so, on its loop's stack. */
void db_tick(struct db *db, int64_t now_ms);

/* Runs the batch: all of it is committed and durable when this returns true, none of it when it
 * returns false (store unreachable, queue full, timeout, disk full: the reason is in the log and
 * the caller answers 503 with Retry-After). On a fiber it waits without holding up the loop,
 * elsewhere it blocks. A batch of reads only never waits for a writer.
 * All batches of one request together wait for timeout_ms at most (fiber_budget_set).
 * A batch that writes may be run twice: when the connection broke before its answer came it is sent again, so it must
 * change nothing more and give rows that say the same (sql/README.md, "The law of batches").
 * One false leaves the outcome open: when the time was over before the answer came, it may yet be committed. The log
 * says "store_outcome_unknown", and whoever answers for it calls db_untold. */
bool db_run(struct db *db, struct batch *batch);

/* What the rows say that `work_id` did (spent_by, redeemed_by, rotated_by, decided_by, used_by) was told to nobody, and
 * shall not be held against whoever tries again. Remembered by the process, at most UNTOLD_MAX, and stored before its
 * next batch that writes. Any stack. */
enum { UNTOLD_MAX = 10000 };
void db_untold(struct db *db, struct slice work_id);
bool db_has_untold(const struct db *db);
/* Stores it now: before reads whose rows say that something was done already (db_run_told), and on a timer. False when
 * the store failed. On a fiber, or blocking. */
bool db_untold_store(struct db *db, struct arena *arena);
/* db_run of reads whose rows say that something was done already: behind all that this process has told nobody. */
bool db_run_told(struct db *db, struct batch *batch);
/* Whether a connection to the store broke within the last five seconds. Other servers may then not yet have stored what
 * they told nobody: who looks like a thief is asked to come again (503). */
bool db_was_away(const struct db *db);

/* One read statement with one text parameter, answered from memory where that is safe: for what is
 * asked again and again (tokens, keys, sessions, clients). NULL when the store failed. The rows are the caller's copy.
 */
struct rows *db_find(struct db *db, struct arena *arena, enum statement statement, struct slice key);
/* The same from the store, whatever is in memory, which then has these rows: once, by whoever is about to refuse
 * something because of remembered rows. */
struct rows *db_find_again(struct db *db, struct arena *arena, enum statement statement, struct slice key);

/* Called after a batch that changed what db_find(statement, key) would return, before the answer is
 * sent: it is then gone from every worker of this process. A fill that raced with it is thrown
 * away. */
void db_forget(struct db *db, enum statement statement, struct slice key);
/* The same for everything: for rare changes with many victims (an app switched off, a user gone). */
void db_forget_all(struct db *db);

/* url: sqlite:PATH (PATH relative to the working directory, made when missing), postgresql://… .
 * Opens, and with `migrate` brings the schema to this version. NULL with *error, a sentence that
 * says what to do, when it cannot (unwritable, not a database, a newer schema than this binary's). */
enum { STORE_GROUP_MAX = 256 };
struct store_options {
    const char *url;
    bool migrate;
    size_t cache_bytes; /* for db_find; 0: no cache */
    size_t queue_max;   /* batches that may wait for the writer */
    size_t group_max;   /* batches under one commit, at most STORE_GROUP_MAX; 0: that */
    int64_t timeout_ms; /* after it a waiting batch fails */
    size_t connections; /* to a database elsewhere, of each thread with a loop: at least 2, at most 10 are used */
};
struct store *store_open(struct arena *arena, const struct store_options *options, struct slice *error);
/* The directory where that database keeps files of this process, in `arena`; NULL: none. */
const char *store_directory(struct arena *arena, const char *url);
/* All dbs must be closed. Finishes what is queued. */
void store_close(struct store *store);
/* Version of the schema that is there and that this binary brings. */
int64_t store_schema_version(const struct store *store);

/* A thread's handle. `inbox` brings completions to the thread's loop (see store/inbox.h); NULL for threads
 * without a loop, whose db_run blocks. NULL with *error, which lives until this thread's next db_open. */
struct inbox;
struct db *db_open(struct store *store, struct inbox *inbox, struct slice *error);
void db_close(struct db *db);

/* Deletes a bounded number of rows that have expired before now_s; true when there are more. Called
 * on a timer, on a fiber. */
bool db_sweep(struct db *db, struct arena *arena, int64_t now_s);

#endif
