#include "store/sqlite_job.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/rows.h"

#include <stdio.h>
#include <stdlib.h>

enum { IDLE_MS = 5000 }; /* the clock sleeps no longer */

/* On the loop. If the fiber waits for something else by now nobody wants the job any more. */
static void job_resume(struct completion *completion) {
    struct sqlite_job *job = (struct sqlite_job *)completion;
    if (!fiber_resume(job->wait))
        job_release(job);
}

struct sqlite_job *job_new(const struct batch *batch, struct inbox *inbox) {
    struct arena arena;
    arena_init(&arena);
    struct sqlite_job *job = arena_zalloc(&arena, sizeof(*job));
    job->arena = arena;
    job->completion.run = job_resume;
    job->inbox = inbox;
    atomic_init(&job->references, 2);
    batch_copy(&job->batch, &job->arena, batch);
    if (inbox)
        job->wait = fiber_wait_prepare();
    else
        pthread_cond_init(&job->answer, NULL);
    return job;
}

void job_release(struct sqlite_job *job) {
    if (atomic_fetch_sub_explicit(&job->references, 1, memory_order_acq_rel) != 1)
        return;
    if (!job->inbox)
        pthread_cond_destroy(&job->answer);
    struct arena arena = job->arena; /* the job lies in it */
    arena_free(&arena);
}

bool job_answer(struct sqlite_job *job, bool succeeded, const char *why) {
    if (job->answered)
        return false;
    job->answered = true;
    job->succeeded = succeeded;
    job->why = why;
    if (!job->inbox)
        pthread_cond_signal(&job->answer);
    return true;
}

void job_deliver(struct sqlite_job *job) {
    if (job->inbox)
        job->inbox->post(job->inbox, &job->completion);
}

/* With the mutex: the next batch that has waited too long for its start, taken out of the queue. */
static struct sqlite_job *overdue_take(struct sqlite_writer *writer, int64_t now_ms) {
    for (h2o_linklist_t *link = writer->queue.next; link != &writer->queue; link = link->next) {
        struct sqlite_job *job = job_of(link);
        if (job->deadline_ms > now_ms)
            continue;
        h2o_linklist_unlink(&job->link);
        writer->queue_count--;
        metric_add(METRIC_db_queue, -1);
        job_answer(job, false, "the lock could not be had in time");
        return job;
    }
    return NULL;
}

/* With the mutex: a batch that was started and whose outcome is not waited for any longer. The
 * reference keeps it alive until it is delivered. */
static struct sqlite_job *stuck_take(struct sqlite_writer *writer, int64_t now_ms) {
    for (size_t i = 0; i < writer->group_count; i++) {
        struct sqlite_job *job = writer->group[i];
        if (job->deadline_ms <= now_ms && job_answer(job, false, "the disk does not answer")) {
            atomic_fetch_add_explicit(&job->references, 1, memory_order_relaxed);
            return job;
        }
    }
    return NULL;
}

/* With the mutex, which it leaves in between. */
static void overdue_answer(struct sqlite_writer *writer, int64_t now_ms) {
    int64_t overdue = 0, stuck = 0;
    for (;;) {
        struct sqlite_job *job = overdue_take(writer, now_ms);
        if (job)
            overdue++;
        else if ((job = stuck_take(writer, now_ms)))
            stuck++;
        else
            break;
        pthread_mutex_unlock(&writer->mutex);
        job_deliver(job);
        job_release(job);
        pthread_mutex_lock(&writer->mutex);
    }
    pthread_mutex_unlock(&writer->mutex);
    if (overdue)
        log_error("store_timeout", log_string("reason", "the writer did not come to them in time"),
                  log_int("batches", overdue));
    if (stuck)
        log_error("store_outcome_unknown", log_string("reason", "the disk does not answer; they may yet be committed"),
                  log_int("batches", stuck));
    pthread_mutex_lock(&writer->mutex);
}

/* What is submitted from now on and is due before that wakes the clock. */
static int64_t next_due_ms(struct sqlite_writer *writer, int64_t now_ms) {
    int64_t next = now_ms + IDLE_MS;
    for (h2o_linklist_t *link = writer->queue.next; link != &writer->queue; link = link->next)
        next = job_of(link)->deadline_ms < next ? job_of(link)->deadline_ms : next;
    for (size_t i = 0; i < writer->group_count; i++) {
        const struct sqlite_job *job = writer->group[i];
        next = !job->answered && job->deadline_ms < next ? job->deadline_ms : next;
    }
    return next;
}

void *writer_clock(void *argument) {
    struct sqlite_writer *writer = argument;
    pthread_mutex_lock(&writer->mutex);
    while (!writer->clock_stopping) {
        overdue_answer(writer, clock_monotonic_ms());
        if (writer->clock_stopping)
            break;
        int64_t until = writer->clock_until_ms = next_due_ms(writer, clock_monotonic_ms());
        struct timespec due = {.tv_sec = until / 1000, .tv_nsec = (until % 1000) * 1000000};
        pthread_cond_timedwait(&writer->tick, &writer->mutex, &due);
    }
    pthread_mutex_unlock(&writer->mutex);
    log_flush();
    arena_pool_drain();
    return NULL;
}
