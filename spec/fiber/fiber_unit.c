#include "../../engine/fiber/fiber.c"

#include "../unit/unit.h"

#include <sys/wait.h>

static struct fiber_wait waits[1000];
static int log_len;
static char steps[64];

static void step(char c) {
    steps[log_len++] = c;
    steps[log_len] = 0;
}

static void waits_twice(void *argument) {
    (void)argument;
    step('a');
    waits[0] = fiber_wait_prepare();
    fiber_wait();
    step('b');
    waits[1] = fiber_wait_prepare();
    fiber_wait();
    step('c');
}

static void goes_on_where_it_waited(void) {
    log_len = 0;
    CHECK(fiber_start(waits_twice, NULL));
    step('1');
    CHECK(fiber_resume(waits[0]));
    step('2');
    CHECK(fiber_count() == 1);
    CHECK(fiber_resume(waits[1]));
    CHECK(fiber_count() == 0);
    CHECK(strcmp(steps, "a1b2c") == 0);
}

static void refuses_a_stale_resume(void) {
    int64_t before = metric_get(METRIC_fiber_stale);
    log_len = 0;
    CHECK(fiber_start(waits_twice, NULL));
    struct fiber_wait first = waits[0];
    CHECK(fiber_resume(first));
    CHECK(!fiber_resume(first)); /* it waits again, but not for this */
    CHECK(fiber_resume(waits[1]));
    CHECK(!fiber_resume(waits[1]));        /* it has ended */
    CHECK(fiber_start(waits_twice, NULL)); /* the same stack lives again */
    CHECK(waits[0].fiber == first.fiber);
    CHECK(!fiber_resume(first));
    CHECK(fiber_resume(waits[0]) && fiber_resume(waits[1]));
    CHECK(metric_get(METRIC_fiber_stale) == before + 3);
    CHECK(strcmp(steps, "abcabc") == 0);
}

static char *hop_stack;

static void on_the_loop(void *argument) {
    char here;
    hop_stack = &here;
    CHECK(fiber_current() == NULL);
    *(int *)argument += 1;
}

static void hops(void *argument) {
    char here;
    int count = 0;
    for (int i = 0; i < 3; i++)
        fiber_hop(on_the_loop, &count);
    CHECK(count == 3);
    CHECK(fiber_current() != NULL);
    ptrdiff_t distance = hop_stack - &here;
    CHECK(distance > FIBER_STACK_SIZE || distance < -FIBER_STACK_SIZE);
    *(bool *)argument = true;
}

static void hops_to_the_loops_stack_and_back(void) {
    bool done = false;
    CHECK(fiber_start(hops, &done));
    CHECK(done);
    int count = 0;
    fiber_hop(on_the_loop, &count); /* a plain call without a fiber */
    CHECK(count == 1);
}

static void waits_once(void *argument) {
    *(struct fiber_wait *)argument = fiber_wait_prepare();
    fiber_wait();
}

static void refuses_over_the_limit_and_reuses_stacks(void) {
    fiber_limit_set(300);
    for (int i = 0; i < 300; i++)
        CHECK(fiber_start(waits_once, &waits[i]));
    CHECK(!fiber_start(waits_once, &waits[300]));
    CHECK(fiber_count() == 300);
    for (int i = 0; i < 300; i++)
        CHECK(fiber_resume(waits[i]));
    CHECK(fiber_count() == 0);
    CHECK(metric_get(METRIC_fiber_stacks) == IDLE_MAX);
    CHECK(fiber_start(waits_once, &waits[0])); /* one is free again */
    CHECK(fiber_resume(waits[0]));
    CHECK(!fiber_resume(waits[299])); /* its stack is unmapped, and it is still only stale */
    fiber_limit_set(LIMIT_DEFAULT);
}

static void touches_deep(void *argument) {
    volatile char deep[20000];
    deep[0] = deep[sizeof(deep) - 1] = 1;
    (void)argument;
}

static void measures_the_deepest_use(void) {
    CHECK(fiber_start(touches_deep, NULL));
    fiber_measure();
    CHECK(metric_get(METRIC_fiber_stack_peak) >= 20000);
    CHECK(metric_get(METRIC_fiber_stack_peak) <= FIBER_STACK_SIZE);
}

/* Each frame is smaller than the guard page, as -Wframe-larger-than makes sure in the engine. */
static int falls(volatile int depth) {
    volatile char frame[1024];
    frame[0] = (char)depth;
    return depth ? falls(depth - 1) + frame[0] : 0;
}

static void overflows(void *argument) {
    *(int *)argument = falls(100);
}

static void an_overflow_hits_the_guard_page(void) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int result = 0;
        if (!freopen("/dev/null", "w", stderr)) /* what a sanitizer says of it is no news */
            _exit(0);
        fiber_start(overflows, &result);
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(!(WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

static void drains(void) {
    fiber_pool_drain();
    CHECK(metric_get(METRIC_fiber_stacks) == 0);
    CHECK(metric_get(METRIC_fibers) == 0);
}

int main(void) {
    RUN(goes_on_where_it_waited);
    RUN(refuses_a_stale_resume);
    RUN(hops_to_the_loops_stack_and_back);
    RUN(refuses_over_the_limit_and_reuses_stacks);
    RUN(measures_the_deepest_use);
    RUN(an_overflow_hits_the_guard_page);
    RUN(drains);
    return unit_end();
}
