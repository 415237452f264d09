/* The switch between two stacks: Boost.Context's jump_fcontext (Debian's libboost-context, C
 * symbols) with what AddressSanitizer, ThreadSanitizer and valgrind must be told. Used by fiber.c
 * only. */
#ifndef FIBER_CONTEXT_H
#define FIBER_CONTEXT_H

#include <stddef.h>

struct context {
    void *at; /* where it goes on; NULL while it runs */
    const void *stack_bottom;
    size_t stack_size;
    void *fake_stack;     /* AddressSanitizer */
    void *thread;         /* ThreadSanitizer */
    unsigned valgrind_id; /* valgrind */
    void (*entry)(void);
};

/* A context that calls entry() on that stack when it is first switched to. entry never returns. */
void context_make(struct context *context, void *stack_bottom, size_t stack_size, void (*entry)(void));

/* The context of the running thread, before it switches away for the first time. */
void context_adopt(struct context *context);

/* Stops here, into `from`, and goes on in `to`; returns when somebody switches back to `from`. */
void context_switch(struct context *from, struct context *to);

/* Before the stack of a stopped context is unmapped. */
void context_forget(struct context *context);

#endif
