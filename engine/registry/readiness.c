#include "registry/readiness.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "fiber/fiber.h"
#include "server/response.h"
#include "store/inbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FRESH_MS = 1000,
    COMPARE_MS = 60 * 1000,
    SKEW_TOLD_MS = 2000,
    WAITERS_MAX = 64,
    WHY_MAX = 200,
};

/* What came of it last. */
struct finding {
    enum error error;
    int64_t skew_ms;
    char why[WHY_MAX];
};

/* On the stack of a fiber that waits. */
struct waiter {
    struct completion completion; /* first: the inbox gives it back */
    struct waiter *next;
    struct inbox *inbox;
    struct fiber_wait wait;
    struct finding finding;
};

static struct {
    pthread_mutex_t mutex;
    bool is_trying;
    int64_t found_ms; /* monotonic; 0: never */
    struct finding finding;
    struct waiter *waiters;
    size_t waiting;
} shared = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* --- clocks --- */

static _Atomic int64_t compared_ms, told_ms; /* monotonic */

/* How far this clock is ahead of one that showed `theirs_ms` at some moment between two looks at this one: by no more
 * than is certain. */
static int64_t skew_of(int64_t before_ms, int64_t theirs_ms, int64_t after_ms) {
    if (theirs_ms < before_ms)
        return before_ms - theirs_ms;
    return theirs_ms > after_ms ? after_ms - theirs_ms : 0;
}

static void skew_note(int64_t skew_ms) {
    int64_t now_ms = clock_monotonic_ms(), last_ms = atomic_load(&told_ms);
    atomic_store(&compared_ms, now_ms);
    metric_set(METRIC_clock_skew, skew_ms / 1000);
    clock_skew_set(skew_ms);
    if (llabs(skew_ms) <= SKEW_TOLD_MS || (last_ms && now_ms < last_ms + COMPARE_MS) ||
        !atomic_compare_exchange_strong(&told_ms, &last_ms, now_ms))
        return;
    log_warn("clock_differs", log_string("reason", "this server's clock differs from the database's: set both by NTP"),
             log_int("ahead_ms", skew_ms));
}

/* Runs the batch of that one statement; *skew_ms is 0 where there is one clock. */
static bool clock_read(struct db *db, struct batch *batch, const struct rows *rows, int64_t *skew_ms) {
    int64_t before_ms = clock_now_ms();
    if (!db_run(db, batch))
        return false;
    int64_t after_ms = clock_now_ms();
    *skew_ms = row_is_null(rows, 0, "now_ms") ? 0 : skew_of(before_ms, row_int(rows, 0, "now_ms"), after_ms);
    skew_note(*skew_ms);
    return true;
}

void clocks_compare(struct db *db, struct arena *arena) {
    int64_t last_ms = atomic_load(&compared_ms), skew_ms;
    if (last_ms && clock_monotonic_ms() < last_ms + COMPARE_MS)
        return;
    struct batch batch = batch_in(arena);
    const struct rows *rows = batch_add_values(&batch, STATEMENT_clock, NULL, 0);
    clock_read(db, &batch, rows, &skew_ms);
}

/* --- readiness --- */

static struct finding try(struct request *request) {
    struct finding finding = {.error = ERROR_NONE};
    struct batch batch = batch_in(request->arena);
    const struct rows *rows = batch_add(&batch, STATEMENT_health, db_int(clock_now_s()));
    if (!clock_read(request->service->db, &batch, rows, &finding.skew_ms)) {
        finding.error = ERROR_STORE_UNAVAILABLE;
        snprintf(finding.why, sizeof(finding.why), "The store takes no write: %.*s.",
                 SLICE_ARG(slice_is_set(batch.why) ? batch.why : SLICE("it does not answer in time")));
    } else if (llabs(finding.skew_ms) > request->service->settings->code_s * 1000) {
        finding.error = ERROR_OVERLOADED;
        snprintf(finding.why, sizeof(finding.why), "The clock is %lld seconds %s the database's.",
                 llabs(finding.skew_ms) / 1000, finding.skew_ms > 0 ? "ahead of" : "behind");
    }
    return finding;
}

/* On the loop of whoever waits. */
static void waiter_resume(struct completion *completion) {
    struct waiter *waiter = (struct waiter *)completion;
    if (!fiber_resume(waiter->wait))
        abort(); /* it waits for this and nothing else */
}

static void tell(struct waiter *waiters, const struct finding *finding) {
    while (waiters) {
        struct waiter *waiter = waiters;
        waiters = waiter->next; /* it may be gone when it has been told */
        waiter->finding = *finding;
        waiter->inbox->post(waiter->inbox, &waiter->completion);
    }
}

static struct finding try_and_tell(struct request *request) {
    struct finding finding = try(request);
    pthread_mutex_lock(&shared.mutex);
    struct waiter *waiters = shared.waiters;
    shared.waiters = NULL;
    shared.waiting = 0;
    shared.is_trying = false;
    shared.found_ms = clock_monotonic_ms();
    shared.finding = finding;
    pthread_mutex_unlock(&shared.mutex);
    tell(waiters, &finding);
    return finding;
}

/* With the mutex, which it leaves. */
static struct finding wait_for_it(struct request *request) {
    struct waiter waiter = {.completion.run = waiter_resume, .inbox = request->service->inbox};
    if (!fiber_current() || shared.waiting == WAITERS_MAX) {
        pthread_mutex_unlock(&shared.mutex);
        return (struct finding){ERROR_OVERLOADED, 0, "Too many ask while the store is tried."};
    }
    waiter.wait = fiber_wait_prepare();
    waiter.next = shared.waiters;
    shared.waiters = &waiter;
    shared.waiting++;
    pthread_mutex_unlock(&shared.mutex);
    fiber_wait();
    return waiter.finding;
}

static struct finding find(struct request *request) {
    pthread_mutex_lock(&shared.mutex);
    if (shared.is_trying)
        return wait_for_it(request);
    if (shared.found_ms && clock_monotonic_ms() < shared.found_ms + FRESH_MS) {
        struct finding finding = shared.finding;
        pthread_mutex_unlock(&shared.mutex);
        return finding;
    }
    shared.is_trying = true;
    pthread_mutex_unlock(&shared.mutex);
    return try_and_tell(request);
}

enum error readiness_check(struct request *request, int64_t *skew_ms) {
    struct finding finding = find(request);
    *skew_ms = llabs(finding.skew_ms) > SKEW_TOLD_MS ? finding.skew_ms : 0;
    return finding.error ? fail(request, finding.error, "%s", finding.why) : ERROR_NONE;
}
