/* Fibers: an endpoint runs on a small stack of its own, so that it reads top to bottom although it
 * waits for the store in the middle.
 *
 * The laws (design.md): only db_run and offload_run wait. A fiber is never killed from outside and never changes
 * thread. Everything else (h2o, TLS, libpq, Lua, parsers that recurse) runs on the loop's stack.
 * Code that runs without a fiber (command line, fuzzing, unit tests) may call fiber_hop, which is
 * then a plain call; fiber_current() is NULL there and whoever would wait must block instead. */
#ifndef FIBER_FIBER_H
#define FIBER_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fiber;

enum { FIBER_STACK_SIZE = 64 * 1024 }; /* above it a guard page, in release builds too */

/* Names one wait of one fiber. A resume that comes late, twice or for an earlier wait is stale. */
struct fiber_wait {
    struct fiber *fiber;
    uint64_t generation;
};

/* At most `limit` fibers of this thread at once (default 4096). */
void fiber_limit_set(size_t limit);

/* Runs main(argument) on a fiber now, until it ends or waits. False, and main is not called, when
 * the limit is reached or no stack can be had: the caller answers 503. Loop stack only. */
bool fiber_start(void (*main)(void *), void *argument);

/* NULL on the loop's stack. */
struct fiber *fiber_current(void);

/* On a fiber: names the wait that comes next; hand it to whoever will resume, then fiber_wait. */
struct fiber_wait fiber_wait_prepare(void);
void fiber_wait(void);

/* Loop stack, same thread: goes on behind the fiber_wait that `wait` names and returns when the
 * fiber waits again or ends. False, and nothing happens, when the resume is stale. */
bool fiber_resume(struct fiber_wait wait);

/* How long this fiber may still wait for the store, in milliseconds: for ever when it was not set since its start, and
 * without a fiber. What waits takes off what it took. */
void fiber_budget_set(int64_t ms);
int64_t fiber_budget(void);

/* Runs call(argument) on the loop's stack and comes back. It must not wait, resume or start. */
void fiber_hop(void (*call)(void *), void *argument);

/* Number of fibers of this thread that have not ended. */
size_t fiber_count(void);

/* Looks how deep this thread's idle stacks have been used (METRIC_fiber_stack_peak); the worker calls
 * it now and then. */
void fiber_measure(void);

/* Unmaps this thread's idle stacks; a thread calls it before it ends, with no fiber left. */
void fiber_pool_drain(void);

#endif
