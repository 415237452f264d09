#include "server/fetch_shared.h"

#include "base/clock.h"
#include "fiber/fiber.h"
#include "store/inbox.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* What came of a request, for those who waited; the last of them frees it. */
struct outcome {
    size_t readers; /* under the mutex */
    int status;
    size_t len;
    char why[128];
    char answer[];
};

/* On the stack of a fiber that waits. */
struct waiter {
    struct completion completion; /* first: the inbox gives it back */
    struct waiter *next;
    struct inbox *inbox;
    struct fiber_wait wait;
    struct outcome *outcome;
};

/* One URL that is being asked, or has failed. */
struct asked {
    struct asked *next;
    char *url;
    bool is_in_flight;
    struct waiter *waiters;
    size_t waiting;
    int failures, status;
    int64_t again_at_ms; /* monotonic */
};

static struct {
    pthread_mutex_t mutex;
    struct asked *first;
    size_t count;
} table = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* --- with the mutex --- */

static struct asked *asked_find(struct slice url) {
    struct asked *asked = table.first;
    while (asked && !slice_is(url, asked->url))
        asked = asked->next;
    return asked;
}

static void asked_remove(struct asked *asked) {
    struct asked **at = &table.first;
    while (*at != asked)
        at = &(*at)->next;
    *at = asked->next;
    table.count--;
    free(asked->url);
    free(asked);
}

static void room_make(void) {
    struct asked *soonest = NULL;
    for (struct asked *asked = table.first; asked; asked = asked->next)
        if (!asked->is_in_flight && (!soonest || asked->again_at_ms < soonest->again_at_ms))
            soonest = asked;
    if (table.count >= FETCH_URLS_MAX && soonest)
        asked_remove(soonest);
}

static struct asked *asked_add(struct slice url) {
    room_make();
    struct asked *asked = calloc(1, sizeof(*asked));
    char *copy = strndup(url.at, url.len);
    if (!asked || !copy)
        abort();
    asked->url = copy;
    asked->next = table.first;
    table.first = asked;
    table.count++;
    return asked;
}

static int64_t pause_ms(int failures) {
    int64_t pause = FETCH_AGAIN_MS;
    while (--failures > 0 && pause < FETCH_AGAIN_MAX_MS)
        pause *= 2;
    return pause < FETCH_AGAIN_MAX_MS ? pause : FETCH_AGAIN_MAX_MS;
}

/* Notes how it went, and gives those who waited. */
static struct waiter *asked_end(struct asked *asked, const struct fetch *fetch, bool is_good, size_t *waiting) {
    struct waiter *waiters = asked->waiters;
    *waiting = asked->waiting;
    asked->waiters = NULL;
    asked->waiting = 0;
    asked->is_in_flight = false;
    if (is_good) {
        asked_remove(asked);
        return waiters;
    }
    int64_t now_ms = clock_monotonic_ms();
    if (asked->again_at_ms + FETCH_AGAIN_MAX_MS < now_ms)
        asked->failures = 0;
    asked->status = fetch->status;
    asked->again_at_ms = now_ms + pause_ms(++asked->failures);
    return waiters;
}

/* --- without it --- */

/* On the loop of whoever waits. */
static void waiter_resume(struct completion *completion) {
    struct waiter *waiter = (struct waiter *)completion;
    if (!fiber_resume(waiter->wait))
        abort(); /* it waits for this and nothing else */
}

static void waiters_tell(struct waiter *waiters, size_t waiting, const struct fetch *fetch) {
    if (!waiting)
        return;
    struct outcome *outcome = malloc(sizeof(*outcome) + fetch->answer.len);
    if (!outcome)
        abort();
    *outcome = (struct outcome){.readers = waiting, .status = fetch->status, .len = fetch->answer.len};
    snprintf(outcome->why, sizeof(outcome->why), "%.*s", SLICE_ARG(fetch->why));
    memcpy(outcome->answer, fetch->answer.at, fetch->answer.len);
    while (waiters) {
        struct waiter *waiter = waiters;
        waiters = waiter->next; /* it may be gone when it has been told */
        waiter->outcome = outcome;
        waiter->inbox->post(waiter->inbox, &waiter->completion);
    }
}

static bool ask(struct arena *arena, const struct service *service, struct fetch *fetch, struct asked *asked) {
    size_t waiting;
    bool is_good = fetch_run(arena, service, fetch) && fetch->status == 200;
    pthread_mutex_lock(&table.mutex);
    struct waiter *waiters = asked_end(asked, fetch, is_good, &waiting);
    pthread_mutex_unlock(&table.mutex);
    waiters_tell(waiters, waiting, fetch);
    return is_good;
}

static bool outcome_read(struct arena *arena, struct outcome *outcome, struct fetch *fetch) {
    fetch->status = outcome->status;
    fetch->answer = arena_copy(arena, (struct slice){outcome->answer, outcome->len});
    fetch->why = arena_copy(arena, slice_of(outcome->why));
    pthread_mutex_lock(&table.mutex);
    bool is_last = --outcome->readers == 0;
    pthread_mutex_unlock(&table.mutex);
    if (is_last)
        free(outcome);
    return fetch->status == 200;
}

static bool refused(struct fetch *fetch, int status, const char *why) {
    fetch->status = status;
    fetch->answer = SLICE("");
    fetch->why = slice_of(why);
    return false;
}

bool fetch_shared(struct arena *arena, const struct service *service, struct fetch *fetch, bool *is_own) {
    struct waiter waiter = {.completion.run = waiter_resume, .inbox = service->inbox};
    *is_own = false;
    pthread_mutex_lock(&table.mutex);
    struct asked *asked = asked_find(fetch->url);
    if (asked && asked->is_in_flight && fiber_current() && asked->waiting < FETCH_WAITERS_MAX) {
        waiter.wait = fiber_wait_prepare();
        waiter.next = asked->waiters;
        asked->waiters = &waiter;
        asked->waiting++;
        pthread_mutex_unlock(&table.mutex);
        fiber_wait();
        return outcome_read(arena, waiter.outcome, fetch);
    }
    if (asked && (asked->is_in_flight || asked->again_at_ms > clock_monotonic_ms())) {
        bool is_in_flight = asked->is_in_flight;
        int status = is_in_flight ? 0 : asked->status;
        pthread_mutex_unlock(&table.mutex);
        return refused(fetch, status, is_in_flight ? "too many wait for it" : "it has failed and is not asked yet");
    }
    if (!asked)
        asked = asked_add(fetch->url);
    asked->is_in_flight = *is_own = true;
    pthread_mutex_unlock(&table.mutex);
    return ask(arena, service, fetch, asked);
}
