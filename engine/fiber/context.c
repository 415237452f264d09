#include "fiber/context.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CONTEXT_ASAN
#endif
#if __has_feature(thread_sanitizer)
#define CONTEXT_TSAN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define CONTEXT_ASAN
#endif
#if defined(__SANITIZE_THREAD__)
#define CONTEXT_TSAN
#endif

#ifdef CONTEXT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef CONTEXT_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) 0
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#endif

/* As declared in boost/context/detail/fcontext.hpp, which is C++. */
struct transfer {
    void *from;
    void *data;
};
extern struct transfer jump_fcontext(void *to, void *data);
extern void *make_fcontext(void *stack_top, size_t size, void (*entry)(struct transfer));

/* First thing on the stack that was switched to: the one we came from can now be returned to. */
static void arrive(struct transfer transfer, struct context *here) {
    struct context *from = transfer.data;
    from->at = transfer.from;
    here->at = NULL;
#ifdef CONTEXT_ASAN
    __sanitizer_finish_switch_fiber(here->fake_stack, &from->stack_bottom, &from->stack_size);
#endif
}

static _Thread_local struct context *starting;

static void start(struct transfer transfer) {
    struct context *here = starting;
    arrive(transfer, here);
    here->entry();
    __builtin_trap(); /* entry never returns */
}

void context_make(struct context *context, void *stack_bottom, size_t stack_size, void (*entry)(void)) {
    char *top = (char *)stack_bottom + stack_size;
    *context = (struct context){.stack_bottom = stack_bottom, .stack_size = stack_size, .entry = entry};
    context->at = make_fcontext(top, stack_size, start);
#ifdef CONTEXT_TSAN
    context->thread = __tsan_create_fiber(0);
#endif
    context->valgrind_id = VALGRIND_STACK_REGISTER(stack_bottom, top);
}

void context_adopt(struct context *context) {
    *context = (struct context){0};
#ifdef CONTEXT_TSAN
    context->thread = __tsan_get_current_fiber();
#endif
}

void context_switch(struct context *from, struct context *to) {
    starting = to;
#ifdef CONTEXT_ASAN
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack_bottom, to->stack_size);
#endif
#ifdef CONTEXT_TSAN
    __tsan_switch_to_fiber(to->thread, 0);
#endif
    arrive(jump_fcontext(to->at, from), from);
}

void context_forget(struct context *context) {
    VALGRIND_STACK_DEREGISTER(context->valgrind_id);
#ifdef CONTEXT_ASAN
    __asan_unpoison_memory_region(context->stack_bottom, context->stack_size);
#endif
#ifdef CONTEXT_TSAN
    __tsan_destroy_fiber(context->thread);
#endif
    context->at = NULL;
}
