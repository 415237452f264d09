#include "policy/renew.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "fiber/fiber.h"
#include "policy/kept.h"

/* The old state goes with `fresh`. The data stays where it is: it is the same, and callers may still read it. */
static void vm_swap(struct policy *policy, struct policy *fresh) {
    struct vm *vm = policy->vm;
    policy->vm = fresh->vm;
    fresh->vm = vm;
    memcpy(policy->references, fresh->references, sizeof(policy->references));
    policy->kept_sum = fresh->kept_sum;
}

static void renew(struct policy *policy, const char *why) {
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms < policy->renew_from_ms)
        return;
    policy->renew_from_ms = now_ms + RENEW_PAUSE_MS;
    struct arena arena;
    struct slice error = SLICE_NONE;
    arena_init(&arena);
    struct policy *fresh = policy_open(&arena, policy->source, &policy->limits, &error);
    if (fresh) {
        vm_swap(policy, fresh);
        policy_close(fresh);
        metric_add(METRIC_policy_renewals, 1);
    }
    log_warn("policy_renewed", log_string("why", why), log_text("error", error));
    arena_free(&arena);
}

static void sum_read(lua_State *L, void *context) {
    *(uint64_t *)context = kept_sum(L);
}

struct look {
    struct policy *policy;
    bool is_changed;
};

/* On the loop's stack. */
static void look(void *context) {
    struct look *look = context;
    struct policy *policy = look->policy;
    const struct vm_budget budget = {policy->limits.call_ms, LOAD_BLOCK_BYTES};
    uint64_t sum;
    look->is_changed = vm_run(policy->vm, &budget, sum_read, &sum) && sum != policy->kept_sum;
}

void renew_look(struct policy *policy) {
    if (vm_is_full(policy->vm)) {
        renew(policy, "what the policies keep from call to call has filled their memory");
        return;
    }
    struct look kept = {.policy = policy};
    policy->calls_to_look = RENEW_LOOK_CALLS;
    fiber_hop(look, &kept);
    if (kept.is_changed)
        renew(policy, "a function has changed a table that its file keeps: decisions remember nothing");
}
