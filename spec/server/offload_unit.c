#include "../../engine/server/offload.c"

#include "../store/fixture.h"
#include "../unit/unit.h"

#include <semaphore.h>

static struct pipe_inbox inbox;
static struct service service;

static void begin(size_t threads, size_t queue_max) {
    pipe_inbox_begin(&inbox);
    service = (struct service){.inbox = &inbox.inbox, .offload = offload_open(threads, queue_max)};
}

static void end(void) {
    offload_close(service.offload);
    pipe_inbox_end(&inbox);
    fiber_pool_drain();
}

struct sum {
    int from, to, result;
    bool ran, returned;
    pthread_t where;
};

static void add(void *data) {
    struct sum *sum = data;
    sum->where = pthread_self();
    sum->result = sum->from + sum->to;
}

static void ask(void *data) {
    struct sum *sum = data;
    sum->ran = offload_run(&service, add, sum);
    sum->returned = true;
}

static void runs_elsewhere_and_comes_back(void) {
    enum { COUNT = 200 };
    static struct sum sums[COUNT];
    begin(3, COUNT);
    for (int i = 0; i < COUNT; i++) {
        sums[i] = (struct sum){.from = i, .to = 1000};
        CHECK(fiber_start(ask, &sums[i]));
    }
    for (int i = 0; i < COUNT; i++)
        CHECK(pipe_inbox_turn(&inbox, 5000));
    for (int i = 0; i < COUNT; i++)
        CHECK(sums[i].ran && sums[i].returned && sums[i].result == 1000 + i &&
              !pthread_equal(sums[i].where, pthread_self()));
    CHECK(fiber_count() == 0);
    end();
}

static sem_t working, go_on;

static void stand(void *data) {
    (void)data;
    sem_post(&working);
    sem_wait(&go_on);
}

static void ask_to_stand(void *data) {
    struct sum *sum = data;
    sum->ran = offload_run(&service, stand, NULL);
    sum->returned = true;
}

/* The loop goes on while they work; what is too much is refused at once, and harms nobody. */
static void refuses_what_is_too_much(void) {
    struct sum asked[4] = {{0}};
    sem_init(&working, 0, 0);
    sem_init(&go_on, 0, 0);
    begin(1, 2);
    CHECK(fiber_start(ask_to_stand, &asked[0]));
    sem_wait(&working); /* the one thread is busy; two may wait */
    for (int i = 1; i < 4; i++)
        CHECK(fiber_start(ask_to_stand, &asked[i]));
    CHECK(!asked[1].returned && !asked[2].returned);
    CHECK(asked[3].returned && !asked[3].ran);
    for (int i = 0; i < 3; i++)
        sem_post(&go_on);
    for (int i = 0; i < 3; i++)
        CHECK(pipe_inbox_turn(&inbox, 5000));
    for (int i = 0; i < 3; i++)
        CHECK(asked[i].returned && asked[i].ran);
    CHECK(metric_get(METRIC_offload_queue) == 0);
    end();
    sem_destroy(&working);
    sem_destroy(&go_on);
}

static void is_a_plain_call_without_a_fiber(void) {
    struct sum sum = {.from = 1, .to = 2};
    begin(1, 1);
    ask(&sum);
    CHECK(sum.ran && sum.result == 3 && pthread_equal(sum.where, pthread_self()));
    end();
    service = (struct service){0};
    ask(&sum);
    CHECK(sum.ran && sum.returned);
}

int main(void) {
    RUN(runs_elsewhere_and_comes_back);
    RUN(refuses_what_is_too_much);
    RUN(is_a_plain_call_without_a_fiber);
    return unit_end();
}
