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
};

struct offload {
    pthread_mutex_t mutex;
    pthread_cond_t wanted;
    struct offload_job *first, **last; /* under the mutex, like the two below */
    size_t waiting;
    bool stopping;
    size_t queue_max, thread_count;
    pthread_t threads[];
};

/* On the loop of whoever waits. */
static void job_resume(struct completion *completion) {
    struct offload_job *job = (struct offload_job *)completion;
    if (!fiber_resume(job->wait))
        abort(); /* it waits for this and nothing else */
}

/* With the mutex: the next job, NULL when there will be none. */
static struct offload_job *job_take(struct offload *offload) {
    while (!offload->first && !offload->stopping)
        pthread_cond_wait(&offload->wanted, &offload->mutex);
    struct offload_job *job = offload->first;
    if (job && !(offload->first = job->next))
        offload->last = &offload->first;
    if (job)
        offload->waiting--;
    return job;
}

static void *thread_main(void *argument) {
    struct offload *offload = argument;
    pthread_mutex_lock(&offload->mutex);
    struct offload_job *job;
    while ((job = job_take(offload))) {
        pthread_mutex_unlock(&offload->mutex);
        metric_add(METRIC_offload_queue, -1);
        job->work(job->data);
        job->inbox->post(job->inbox, &job->completion); /* from now on the job may be gone */
        log_flush();
        pthread_mutex_lock(&offload->mutex);
    }
    pthread_mutex_unlock(&offload->mutex);
    arena_pool_drain();
    return NULL;
}

struct offload *offload_open(size_t threads, size_t queue_max) {
    struct offload *offload = calloc(1, sizeof(*offload) + threads * sizeof(pthread_t));
    if (!offload)
        abort();
    pthread_mutex_init(&offload->mutex, NULL);
    pthread_cond_init(&offload->wanted, NULL);
    offload->last = &offload->first;
    offload->queue_max = queue_max;
    while (offload->thread_count < threads &&
           pthread_create(&offload->threads[offload->thread_count], NULL, thread_main, offload) == 0)
        offload->thread_count++;
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
        pthread_join(offload->threads[i], NULL);
    pthread_cond_destroy(&offload->wanted);
    pthread_mutex_destroy(&offload->mutex);
    free(offload);
}

static bool job_add(struct offload *offload, struct offload_job *job) {
    pthread_mutex_lock(&offload->mutex);
    bool is_taken = offload->waiting < offload->queue_max && offload->thread_count;
    if (is_taken) {
        *offload->last = job;
        offload->last = &job->next;
        offload->waiting++;
        pthread_cond_signal(&offload->wanted);
    }
    pthread_mutex_unlock(&offload->mutex);
    return is_taken;
}

static bool run(struct offload *offload, const struct service *service, void (*work)(void *data), void *data) {
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
    return run(service->offload, service, work, data);
}

bool offload_run_outgoing(const struct service *service, void (*work)(void *data), void *data) {
    return run(service->outgoing, service, work, data);
}
