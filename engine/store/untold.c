#include "store/untold.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { KEPT_S = 400 * 24 * 3600 }; /* longer than what it is about can be used */

struct work {
    struct work *next;
    size_t len;
    char id[];
};

struct untold {
    pthread_mutex_t mutex; /* for all below */
    struct work *first, *last;
    _Atomic size_t count; /* also read without */
};

struct untold *untold_new(void) {
    struct untold *untold = calloc(1, sizeof(*untold));
    if (!untold)
        abort();
    pthread_mutex_init(&untold->mutex, NULL);
    return untold;
}

/* With the mutex. */
static void first_drop(struct untold *untold) {
    struct work *work = untold->first;
    untold->first = work->next;
    if (!untold->first)
        untold->last = NULL;
    free(work);
    untold->count--;
    metric_add(METRIC_untold, -1);
}

void untold_free(struct untold *untold) {
    while (untold->first)
        first_drop(untold);
    pthread_mutex_destroy(&untold->mutex);
    free(untold);
}

bool untold_is_empty(const struct untold *untold) {
    return untold->count == 0;
}

void untold_add(struct untold *untold, struct slice work_id) {
    struct work *work = malloc(sizeof(*work) + work_id.len);
    if (!work)
        abort();
    *work = (struct work){.len = work_id.len};
    memcpy(work->id, work_id.at, work_id.len);
    pthread_mutex_lock(&untold->mutex);
    bool fits = untold->count < UNTOLD_MAX;
    if (fits) {
        *(untold->last ? &untold->last->next : &untold->first) = work;
        untold->last = work;
        untold->count++;
        metric_add(METRIC_untold, 1);
    }
    pthread_mutex_unlock(&untold->mutex);
    if (fits)
        return;
    free(work);
    log_error("untold_dropped", log_int("most", UNTOLD_MAX));
}

size_t untold_fill(struct untold *untold, struct batch *batch) {
    int64_t expires_at_s = clock_now_s() + KEPT_S;
    pthread_mutex_lock(&untold->mutex);
    for (const struct work *work = untold->first; work && batch->count < BATCH_STATEMENTS_MAX; work = work->next)
        batch_add(batch, STATEMENT_untold_insert,
                  db_text(arena_copy(batch->arena, (struct slice){work->id, work->len})), db_int(expires_at_s));
    pthread_mutex_unlock(&untold->mutex);
    return batch->count;
}

void untold_forget(struct untold *untold, const struct batch *batch) {
    pthread_mutex_lock(&untold->mutex);
    for (size_t i = 0; i < batch->count; i++) {
        struct slice stored = batch->calls[i].values[0].bytes;
        /* Others may have stored the same meanwhile, and dropped it. */
        if (untold->first && slice_equal((struct slice){untold->first->id, untold->first->len}, stored))
            first_drop(untold);
    }
    pthread_mutex_unlock(&untold->mutex);
}
