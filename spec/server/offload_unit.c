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

/* A fiber whose work takes long keeps neither the loop nor another fiber. */
static void the_loop_goes_on(void) {
    struct sum long_one = {0}, short_one = {.from = 1, .to = 2};
    sem_init(&working, 0, 0);
    sem_init(&go_on, 0, 0);
    begin(2, 2);
    CHECK(fiber_start(ask_to_stand, &long_one));
    sem_wait(&working);
    CHECK(fiber_start(ask, &short_one) && !short_one.returned);
    CHECK(pipe_inbox_turn(&inbox, 5000));
    CHECK(short_one.returned && short_one.result == 3 && !long_one.returned);
    sem_post(&go_on);
    CHECK(pipe_inbox_turn(&inbox, 5000) && long_one.ran);
    end();
    sem_destroy(&working);
    sem_destroy(&go_on);
}

static void ask_to_stand_for(struct sum *sum, const char *host) {
    sum->ran = offload_run_for_host(&service, service.offload, host, stand, NULL);
    sum->returned = true;
}

static void ask_to_stand_for_one(void *data) {
    ask_to_stand_for(data, "one.example");
}

static void ask_to_stand_for_other(void *data) {
    ask_to_stand_for(data, "other.example");
}

static int count_working(void) {
    int count = 0;
    while (sem_trywait(&working) == 0)
        count++;
    return count;
}

/* Eight threads, a queue of 16: two threads and four places are a host's, and the others' go on. */
static void a_host_has_its_share_and_no_more(void) {
    enum { OF_ONE = 7, OF_OTHER = 2 };
    struct sum one[OF_ONE] = {{0}}, other[OF_OTHER] = {{0}}, nobodys = {.from = 1, .to = 2};
    sem_init(&working, 0, 0);
    sem_init(&go_on, 0, 0);
    begin(8, 16);
    for (int i = 0; i < OF_ONE; i++) {
        CHECK(fiber_start(ask_to_stand_for_one, &one[i]));
        if (i < 2)
            sem_wait(&working); /* its two threads are busy; four of it wait */
    }
    CHECK(one[6].returned && !one[6].ran);
    for (int i = 0; i < OF_OTHER; i++) {
        CHECK(fiber_start(ask_to_stand_for_other, &other[i]));
        sem_wait(&working);
    }
    CHECK(fiber_start(ask, &nobodys));
    CHECK(pipe_inbox_turn(&inbox, 5000) && nobodys.returned && nobodys.result == 3);
    CHECK(count_working() == 0); /* all this time two of the first host's, although four threads are free */
    for (int i = 0; i < OF_ONE - 1 + OF_OTHER; i++)
        sem_post(&go_on);
    for (int i = 0; i < OF_ONE - 1 + OF_OTHER; i++)
        CHECK(pipe_inbox_turn(&inbox, 5000));
    for (int i = 0; i < OF_ONE - 1; i++)
        CHECK(one[i].returned && one[i].ran);
    CHECK(other[0].ran && other[1].ran && count_working() == 4);
    CHECK(metric_get(METRIC_offload_queue) == 0);
    end();
    sem_destroy(&working);
    sem_destroy(&go_on);
}

static void *let_them_go(void *data) {
    (void)data;
    usleep(20000); /* offload_close waits by now, or nearly */
    for (int i = 0; i < 4; i++)
        sem_post(&go_on);
    return NULL;
}

/* The server closes when no fiber waits; should one, it gets what it waits for. */
static void what_is_queued_is_done_before_it_closes(void) {
    struct sum asked[4] = {{0}};
    pthread_t other;
    sem_init(&working, 0, 0);
    sem_init(&go_on, 0, 0);
    begin(1, 3);
    for (int i = 0; i < 4; i++) {
        CHECK(fiber_start(ask_to_stand, &asked[i]));
        if (i == 0)
            sem_wait(&working);
    }
    pthread_create(&other, NULL, let_them_go, NULL);
    offload_close(service.offload);
    pthread_join(other, NULL);
    for (int i = 0; i < 4; i++)
        CHECK(pipe_inbox_turn(&inbox, 0));
    for (int i = 0; i < 4; i++)
        CHECK(asked[i].returned && asked[i].ran);
    CHECK(fiber_count() == 0);
    pipe_inbox_end(&inbox);
    fiber_pool_drain();
    sem_destroy(&working);
    sem_destroy(&go_on);
}

static bool was_on_fiber;

static void look_where(void *data) {
    (void)data;
    was_on_fiber = fiber_current() != NULL;
}

static void ask_where(void *data) {
    struct sum *sum = data;
    sum->ran = offload_run(&service, look_where, NULL);
}

/* A fiber's stack is too small for OpenSSL and libcurl. */
static void is_on_the_loops_stack_without_threads(void) {
    struct sum sum = {0};
    service = (struct service){0};
    was_on_fiber = true;
    CHECK(fiber_start(ask_where, &sum));
    CHECK(sum.ran && !was_on_fiber && fiber_count() == 0);
    fiber_pool_drain();
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
    RUN(the_loop_goes_on);
    RUN(a_host_has_its_share_and_no_more);
    RUN(what_is_queued_is_done_before_it_closes);
    RUN(is_on_the_loops_stack_without_threads);
    RUN(is_a_plain_call_without_a_fiber);
    return unit_end();
}
