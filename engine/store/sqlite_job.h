/* Inside the writer: a batch on its way. */
#ifndef STORE_SQLITE_JOB_H
#define STORE_SQLITE_JOB_H

#include "fiber/fiber.h"
#include "store/sqlite_writer.h"

#include <stdatomic.h>
#include <stddef.h>

struct sqlite_job {
    struct completion completion; /* first: the inbox gives it back */
    h2o_linklist_t link;          /* in the queue */
    struct arena arena;
    struct batch batch; /* in `arena`, rows too */
    int64_t deadline_ms;
    _Atomic int references; /* the submitter's and the writer's */

    struct inbox *inbox; /* NULL: the submitter blocks on `answer` */
    struct fiber_wait wait;
    pthread_cond_t answer;

    bool answered, succeeded; /* under the writer's mutex until answered */
    const char *why;          /* likewise: it did not */
    bool ran;                 /* the writer's: its statements succeeded */
    const char *failure;      /* likewise: why not */
};

/* Which is linked there. */
static inline struct sqlite_job *job_of(const h2o_linklist_t *link) {
    return (struct sqlite_job *)(void *)((char *)(uintptr_t)link - offsetof(struct sqlite_job, link));
}

struct sqlite_job *job_new(const struct batch *batch, struct inbox *inbox);
void job_release(struct sqlite_job *job);

/* Under the mutex: the first answer counts. True when this is it; job_deliver must follow without
 * the mutex, before the caller's reference is released. `why`: NULL, or a text that stays. */
bool job_answer(struct sqlite_job *job, bool succeeded, const char *why);
void job_deliver(struct sqlite_job *job);

/* The clock thread's main. */
void *writer_clock(void *writer);

#endif
