/* PostgreSQL as a database of the store, through libpq in pipeline mode. Inside the room.
 *
 *   postgres.c         the way in: open, migrate, connect; which link a batch takes
 *   postgres_link.c    one connection: connecting, sending, receiving, breaking and coming back
 *   postgres_value.c   parameters and cells, between ours and libpq's
 *
 * A batch is sent as one pipeline: its statements, then a Sync, which commits. Batches that only read and are sent in
 * one turn of the loop share a Sync; one that was aborted by a neighbour's failure is sent again alone. */
#ifndef STORE_POSTGRES_H
#define STORE_POSTGRES_H

#include "fiber/fiber.h"
#include "store/database.h"
#include "store/inbox.h"
#include "store/rows.h"

#include <libpq-fe.h>
#include <stdatomic.h>

struct postgres {
    char *conninfo;
    struct columns columns[STATEMENT_COUNT];
    size_t queue_max;             /* batches that wait or are under way, per thread */
    size_t thread_max;            /* connections of a thread */
    _Atomic int64_t broken_at_ms; /* when one of them broke last; 0: never */
};

/* A batch on its way: waiting in its pool, or sent on a link. */
struct job {
    struct job *next;
    struct batch *batch;
    struct fiber_wait wait; /* without a fiber: somebody blocks on is_done */
    int64_t deadline_ms;
    int64_t not_before_ms; /* of the next try */
    int tries;
    bool reads;
    bool is_alone;              /* does not share its Sync */
    bool has_failed, may_retry; /* so far */
    size_t call;                /* whose results come next */
    bool is_done, succeeded;    /* for whoever blocks on it */
};

enum { JOB_TRIES_MAX = 10 };

struct jobs {
    struct job *first, *last;
    size_t count;
};
void jobs_push(struct jobs *jobs, struct job *job);
struct job *jobs_pop(struct jobs *jobs);

enum link_state {
    LINK_DOWN,       /* until retry_ms */
    LINK_CONNECTING, /* PQconnectPoll */
    LINK_PREPARING,  /* the statements are being prepared */
    LINK_READY
};

/* What has been sent and not answered, in order: a job's statements, or a Sync. */
struct sent {
    struct job *job; /* of a Sync: the one that it commits; NULL: it ends reads */
    bool is_sync;
};

struct link {
    struct pool *pool;
    PGconn *connection;
    enum link_state state;
    struct watch *watch;
    int watched; /* the descriptor */
    bool wants_writing;
    int64_t retry_ms, backoff_ms;
    int64_t connect_until_ms;
    struct sent *sent; /* a ring of `capacity` */
    size_t first, count, capacity;
    size_t preparing; /* statements whose answer has not come */
    bool owes_sync;   /* reads were sent behind the last Sync */
};

/* Reads of one turn of the loop share a Sync, so they share few links; a commit holds its link until the disk has it,
 * so batches that write have many, and the server's group commit takes them together. */
enum { READ_LINKS_MAX = 2, LINKS_MAX = 10, LINKS_MIN = 2 };

/* A thread's connections. */
struct pool {
    struct completion flush; /* first: on_flush finds the pool by it */
    struct postgres *postgres;
    struct inbox *inbox;          /* NULL: db_run blocks, with one link */
    struct link links[LINKS_MAX]; /* those for reads first */
    size_t link_count, read_count;
    struct jobs waiting; /* not sent */
    size_t job_count;    /* waiting and sent */
    bool is_flushing;    /* asked for */
    bool is_closing;
};

/* postgres_link.c */
/* Begins to connect; what comes of it is seen by link_ready and link_tick. */
void link_begin(struct link *link);
/* The descriptor is readable or writable. */
void link_ready(struct link *link);
void link_tick(struct link *link, int64_t now_ms);
/* Whether it owes somebody an answer beyond the deadline. */
bool link_is_overdue(const struct link *link, int64_t now_ms);
/* Sends a job's statements; they leave at link_flush at the latest. False: the link broke. */
bool link_send(struct link *link, struct job *job);
void link_flush(struct link *link);
void link_break(struct link *link, const char *why);
void link_close(struct link *link);

/* postgres.c */
/* A connection by the operator's conninfo, with our defaults; begun, or (`blocks`) made. Never NULL. */
PGconn *postgres_connect(const struct postgres *postgres, bool blocks);
/* What links report. */
void pool_link_is_up(struct pool *pool);
/* The job is over, for this try. */
void pool_job_answered(struct pool *pool, struct job *job, bool succeeded);
/* It is run again, a little later each time, if there is time and it was not tried too often. */
void pool_job_retry(struct pool *pool, struct job *job);

/* postgres_value.c */
/* Like PQsendQueryPrepared of that statement, by its name. */
bool value_send(PGconn *connection, enum statement statement, const struct db_value *values, size_t count);
/* Whether a cell may have that type of the server. */
bool value_type_is_known(Oid type);
/* Adds the result's rows; false when a cell is of a type that no statement should give. */
bool value_rows_add(struct rows *rows, struct arena *arena, const struct columns *columns, const PGresult *result);

#endif
