#include "server/offload.h"

#include "base/log.h"
#include "base/metrics.h"
#include "fiber/fiber.h"
#include "store/inbox.h"

#include <pthread.h>
#include <stdlib.h>

struct offload_job {
    struct completion completion; /* first: the inbox gives it back */
    struct offload_job *next;
    struct inbox *inbox;
    struct fiber_wait wait;
    void (*work)(void *data);
    void *data;
    const char *host; /* NULL: it waits for nobody else */
};

struct offload_thread {
    struct offload *offload;
    pthread_t thread;
    const char *host; /* of the job that it runs; under the mutex */
};

enum { HOST_SHARE = 4 }; /* a host has one in so many */

struct offload {
    pthread_mutex_t mutex;
    pthread_cond_t wanted;
    struct offload_job *first, **last; /* under the mutex, like the two below */
    size_t waiting;
    bool stopping;
    size_t queue_max, thread_count;
    struct offload_thread threads[];
};

static bool is_of_host(const char *one, const char *host) {
    return one && strcmp(one, host) == 0;
}

static size_t share_of(size_t all) {
    return all < HOST_SHARE ? 1 : all / HOST_SHARE;
}

/* With the mutex, like all that follows. At the end no host is held to its share. */
static bool has_thread(const struct offload *offload, const char *host) {
    size_t running = 0;
    for (size_t i = 0; host && i < offload->thread_count; i++)
        running += is_of_host(offload->threads[i].host, host);
    return !host || offload->stopping || running < share_of(offload->thread_count);
}

static bool has_place(const struct offload *offload, const char *host) {
    size_t waiting = 0;
    for (const struct offload_job *job = offload->first; host && job; job = job->next)
        waiting += is_of_host(job->host, host);
    return offload->waiting < offload->queue_max && (!host || waiting < share_of(offload->queue_max));
}

/* The first that may run; NULL when there is none. */
static struct offload_job *job_unlink(struct offload *offload) {
    struct offload_job **at = &offload->first;
    while (*at && !has_thread(offload, (*at)->host))
        at = &(*at)->next;
    struct offload_job *job = *at;
    if (!job)
        return NULL;
    *at = job->next;
    if (offload->last == &job->next)
        offload->last = at;
    offload->waiting--;
    return job;
}

/* On the loop of whoever waits. */
static void job_resume(struct completion *completion) {
    struct offload_job *job = (struct offload_job *)completion;
    if (!fiber_resume(job->wait))
        abort(); /* it waits for this and nothing else */
}

/* The next job, NULL when there will be none. What waits for its host's share is taken by the thread that has ended one
 * of that host's: it looks anew. */
static struct offload_job *job_take(struct offload_thread *thread) {
    struct offload *offload = thread->offload;
    struct offload_job *job;
    thread->host = NULL;
    while (!(job = job_unlink(offload)) && !offload->stopping)
        pthread_cond_wait(&offload->wanted, &offload->mutex);
    if (job)
        thread->host = job->host;
    return job;
}

static void *thread_main(void *argument) {
    struct offload_thread *thread = argument;
    struct offload *offload = thread->offload;
    pthread_mutex_lock(&offload->mutex);
    struct offload_job *job;
    while ((job = job_take(thread))) {
        pthread_mutex_unlock(&offload->mutex);
        metric_add(METRIC_offload_queue, -1);
        job->work(job->data);
        if (job->host) { /* its text goes with the job */
            pthread_mutex_lock(&offload->mutex);
            thread->host = NULL;
            pthread_mutex_unlock(&offload->mutex);
        }
        job->inbox->post(job->inbox, &job->completion); /* from now on the job may be gone */
        log_flush();
        pthread_mutex_lock(&offload->mutex);
    }
    pthread_mutex_unlock(&offload->mutex);
    arena_pool_drain();
    return NULL;
}

struct offload *offload_open(size_t threads, size_t queue_max) {
    struct offload *offload = calloc(1, sizeof(*offload) + threads * sizeof(*offload->threads));
    if (!offload)
        abort();
    pthread_mutex_init(&offload->mutex, NULL);
    pthread_cond_init(&offload->wanted, NULL);
    offload->last = &offload->first;
    offload->queue_max = queue_max;
    pthread_mutex_lock(&offload->mutex); /* they count each other */
    for (size_t i = 0; i < threads; i++) {
        offload->threads[i].offload = offload;
        if (pthread_create(&offload->threads[i].thread, NULL, thread_main, &offload->threads[i]) != 0)
            break;
        offload->thread_count++;
    }
    pthread_mutex_unlock(&offload->mutex);
    if (offload->thread_count == threads)
        return offload;
    offload_close(offload);
    return NULL;
}

void offload_close(struct offload *offload) {
    if (!offload)
        return;
    pthread_mutex_lock(&offload->mutex);
    offload->stopping = true;
    pthread_cond_broadcast(&offload->wanted);
    pthread_mutex_unlock(&offload->mutex);
    for (size_t i = 0; i < offload->thread_count; i++)
        pthread_join(offload->threads[i].thread, NULL);
    pthread_cond_destroy(&offload->wanted);
    pthread_mutex_destroy(&offload->mutex);
    free(offload);
}

static bool job_add(struct offload *offload, struct offload_job *job) {
    pthread_mutex_lock(&offload->mutex);
    bool is_taken = has_place(offload, job->host) && offload->thread_count;
    if (is_taken) {
        *offload->last = job;
        offload->last = &job->next;
        offload->waiting++;
        pthread_cond_signal(&offload->wanted);
    }
    pthread_mutex_unlock(&offload->mutex);
    return is_taken;
}

static bool run(struct offload *offload, const struct service *service, const char *host, void (*work)(void *data),
                void *data) {
    if (!fiber_current() || !offload) {
        fiber_hop(work, data);
        return true;
    }
    struct offload_job job = {
        .completion.run = job_resume,
        .inbox = service->inbox,
        .wait = fiber_wait_prepare(),
        .work = work,
        .data = data,
        .host = host,
    };
    metric_add(METRIC_offload_queue, 1); /* before a thread can take it away again */
    if (!job_add(offload, &job)) {
        metric_add(METRIC_offload_queue, -1);
        metric_add(METRIC_offload_refused, 1);
        return false;
    }
    metric_add(METRIC_offload_jobs, 1);
    fiber_wait();
    return true;
}

bool offload_run(const struct service *service, void (*work)(void *data), void *data) {
    return run(service->offload, service, NULL, work, data);
}

bool offload_run_for_host(const struct service *service, struct offload *threads, const char *host,
                          void (*work)(void *data), void *data) {
    return run(threads, service, host, work, data);
}
