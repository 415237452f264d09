/* The one thread that writes an SQLite file for this process. It takes the batches of all threads
 * and commits as many as are there under one fsync.
 *
 * Who owns what: a job is a deep copy of the batch with an arena of its own, so that neither side
 * reads memory of the other. The submitter and the writer hold a reference each.
 * Times: a batch that has not been started batch.timeout_ms after it was submitted is taken out of the queue and will
 * never run. If one that has been started is not committed by then, because the disk does not answer, the submitter is
 * told false although it may yet be ("store_outcome_unknown" in the log). A clock thread sees to both, so no caller's
 * loop and no stuck writer can delay it. */
#ifndef STORE_SQLITE_WRITER_H
#define STORE_SQLITE_WRITER_H

#include "store/database.h"
#include "store/inbox.h"
#include "store/sqlite.h"

#include <pthread.h>

struct sqlite_job;

struct sqlite_writer {
    struct sqlite_connection connection; /* the writer thread's, once that runs */
    struct cache *cache;
    size_t queue_max, group_max;

    pthread_t thread, clock;
    pthread_cond_t work, tick;
    bool thread_waits;

    pthread_mutex_t mutex; /* for all below */
    bool stopping, clock_stopping;
    h2o_linklist_t queue;
    size_t queue_count;
    struct sqlite_job *group[STORE_GROUP_MAX]; /* what has been started */
    size_t group_count;
    int64_t refusal_logged_ms;
    int64_t clock_until_ms; /* when the clock looks next */

    int64_t watched_ms, data_version; /* the writer thread's */
};

/* One a thread with a loop: wakes the writer when the loop has started all that has arrived, so that these batches
 * share a commit. On a busy core the writer would else take the first one alone, and pay for its fsync. */
struct writer_wake {
    struct completion completion; /* first: the inbox gives it back */
    struct sqlite_writer *writer;
    struct inbox *inbox; /* NULL: no loop; the writer is woken by each batch */
    bool is_asked;
};

/* `writer->connection` is open and prepared. False when there are no threads to be had. */
bool sqlite_writer_start(struct sqlite_writer *writer, const struct database_options *options);
/* Finishes what is queued. The connection is the caller's again. */
void sqlite_writer_stop(struct sqlite_writer *writer);

/* Waits on the fiber when there is one and an inbox, else blocks. */
bool sqlite_writer_run(struct sqlite_writer *writer, struct writer_wake *wake, struct batch *batch);

#endif
