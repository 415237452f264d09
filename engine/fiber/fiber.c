#include "fiber/fiber.h"

#include "base/metrics.h"
#include "fiber/context.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    IDLE_MAX = 256, /* idle stacks that a thread keeps mapped */
    LIMIT_DEFAULT = 4096,
    MEASURED_MAX = 16, /* idle stacks that one fiber_measure looks at */
    PAGE_MIN = 4096,
};

enum fiber_state { FIBER_IDLE, FIBER_RUNNING, FIBER_WAITING, FIBER_HOPPING };

/* Outlives its stack and is not freed before the thread ends, so that a stale wait may always be
 * compared with it. */
struct fiber {
    struct context context;
    char *stack; /* NULL when unmapped */
    enum fiber_state state;
    uint64_t generation; /* of the wait that is under way or comes next; only ever grows */
    int64_t budget_ms;
    void (*call)(void *); /* what runs on it, or while it hops, what runs on the loop's stack */
    void *argument;
    struct fiber *next; /* in `idle` or `bare` */
};

static _Thread_local struct context loop;
static _Thread_local bool loop_is_adopted;
static _Thread_local struct fiber *current;
static _Thread_local struct fiber *idle; /* with a stack, used last first */
static _Thread_local struct fiber *bare; /* without */
static _Thread_local size_t idle_count, running_count;
static _Thread_local size_t limit = LIMIT_DEFAULT;

static size_t page_size(void) {
    static _Thread_local size_t size;
    if (!size)
        size = (size_t)sysconf(_SC_PAGESIZE);
    return size;
}

/* A fiber that has ended waits here for its next life. */
static void fiber_entry(void) {
    struct fiber *self = current;
    for (;;) {
        self->call(self->argument);
        self->state = FIBER_IDLE;
        context_switch(&self->context, &loop);
    }
}

static bool stack_map(struct fiber *fiber) {
    size_t guard = page_size();
    char *mapping =
        mmap(NULL, guard + FIBER_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (mapping == MAP_FAILED)
        return false;
    if (mprotect(mapping, guard, PROT_NONE) != 0) {
        munmap(mapping, guard + FIBER_STACK_SIZE);
        return false;
    }
    fiber->stack = mapping + guard;
    context_make(&fiber->context, fiber->stack, FIBER_STACK_SIZE, fiber_entry);
    metric_add(METRIC_fiber_stacks, 1);
    return true;
}

/* The kernel gives zeroed pages on first touch, so the lowest byte that is not zero is the
 * high-water mark; pages that were never touched are skipped without touching them. */
#if defined(__clang__) || defined(__GNUC__)
__attribute__((no_sanitize("address")))
#endif
static void
stack_measure(const struct fiber *fiber) {
    unsigned char resident[FIBER_STACK_SIZE / PAGE_MIN];
    size_t page = page_size(), at = 0;
    if (mincore(fiber->stack, FIBER_STACK_SIZE, resident) != 0)
        return;
    while (at < FIBER_STACK_SIZE && !(resident[at / page] & 1))
        at += page;
    while (at < FIBER_STACK_SIZE && fiber->stack[at] == 0)
        at++;
    metric_raise(METRIC_fiber_stack_peak, (int64_t)(FIBER_STACK_SIZE - at));
}

static void stack_unmap(struct fiber *fiber) {
    stack_measure(fiber);
    context_forget(&fiber->context);
    munmap(fiber->stack - page_size(), page_size() + FIBER_STACK_SIZE);
    fiber->stack = NULL;
    fiber->next = bare;
    bare = fiber;
    metric_add(METRIC_fiber_stacks, -1);
}

static struct fiber *fiber_get(void) {
    struct fiber *fiber = idle;
    if (fiber) {
        idle = fiber->next;
        idle_count--;
        return fiber;
    }
    fiber = bare;
    if (fiber)
        bare = fiber->next;
    else if (!(fiber = calloc(1, sizeof(*fiber))))
        return NULL;
    if (stack_map(fiber))
        return fiber;
    fiber->next = bare;
    bare = fiber;
    return NULL;
}

static void fiber_put(struct fiber *fiber) {
    if (idle_count >= IDLE_MAX) {
        stack_unmap(fiber);
        return;
    }
    fiber->next = idle;
    idle = fiber;
    idle_count++;
}

/* Runs the fiber until it waits or ends, and what it hops for in between. */
static void fiber_run(struct fiber *fiber) {
    assert(current == NULL);
    for (;;) {
        current = fiber;
        fiber->state = FIBER_RUNNING;
        context_switch(&loop, &fiber->context);
        current = NULL;
        if (fiber->state != FIBER_HOPPING)
            break;
        fiber->call(fiber->argument);
    }
    if (fiber->state == FIBER_IDLE) {
        fiber->generation++;
        running_count--;
        metric_add(METRIC_fibers, -1);
        fiber_put(fiber);
    }
}

bool fiber_start(void (*call)(void *), void *argument) {
    assert(current == NULL);
    if (!loop_is_adopted) {
        context_adopt(&loop);
        loop_is_adopted = true;
    }
    struct fiber *fiber = running_count < limit ? fiber_get() : NULL;
    if (!fiber) {
        metric_add(METRIC_fiber_refused, 1);
        return false;
    }
    running_count++;
    metric_add(METRIC_fibers, 1);
    fiber->call = call;
    fiber->argument = argument;
    fiber->budget_ms = INT64_MAX;
    fiber_run(fiber);
    return true;
}

void fiber_budget_set(int64_t ms) {
    if (current)
        current->budget_ms = ms;
}

int64_t fiber_budget(void) {
    return current ? current->budget_ms : INT64_MAX;
}

struct fiber *fiber_current(void) {
    return current;
}

struct fiber_wait fiber_wait_prepare(void) {
    assert(current != NULL);
    return (struct fiber_wait){current, current->generation};
}

void fiber_wait(void) {
    struct fiber *self = current;
    assert(self != NULL);
    self->state = FIBER_WAITING;
    context_switch(&self->context, &loop);
}

bool fiber_resume(struct fiber_wait wait) {
    assert(current == NULL);
    struct fiber *fiber = wait.fiber;
    if (fiber->state != FIBER_WAITING || fiber->generation != wait.generation) {
        metric_add(METRIC_fiber_stale, 1);
        return false;
    }
    fiber->generation++;
    fiber_run(fiber);
    return true;
}

void fiber_hop(void (*call)(void *), void *argument) {
    struct fiber *self = current;
    if (!self) {
        call(argument);
        return;
    }
    void (*own_call)(void *) = self->call;
    void *own_argument = self->argument;
    self->call = call;
    self->argument = argument;
    self->state = FIBER_HOPPING;
    context_switch(&self->context, &loop);
    self->call = own_call;
    self->argument = own_argument;
}

size_t fiber_count(void) {
    return running_count;
}

void fiber_limit_set(size_t count) {
    limit = count;
}

void fiber_measure(void) {
    size_t measured = 0;
    for (struct fiber *fiber = idle; fiber && measured < MEASURED_MAX; fiber = fiber->next, measured++)
        stack_measure(fiber);
}

void fiber_pool_drain(void) {
    assert(running_count == 0);
    while (idle) {
        struct fiber *fiber = idle;
        idle = fiber->next;
        stack_unmap(fiber);
    }
    idle_count = 0;
    while (bare) {
        struct fiber *next = bare->next;
        free(bare);
        bare = next;
    }
}
