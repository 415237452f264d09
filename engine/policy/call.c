#include "policy/call.h"

#include "base/log.h"
#include "base/metrics.h"
#include "fiber/fiber.h"
#include "policy/consent_page.h"
#include "policy/convert.h"
#include "policy/renew.h"
#include "policy/shadow.h"
#include "policy/time.h"

#include <lauxlib.h>

static const char *const function_names[FUNCTION_COUNT] = {
#define X(file, name, without, first, second) #file "." #name,
    POLICY_FUNCTIONS(X)
#undef X
};

/* Parts that are well-formed but do not go together; NULL when they do. */
static const char *contradiction_of(enum policy_function function, const struct value *result) {
    bool is_grant = function == FUNCTION_scopes_grant;
    return is_grant && !value_get(result, "granted") == !value_get(result, "denied")
               ? "its result must have either granted or denied"
               : NULL;
}

bool results_read(lua_State *L, int first, enum policy_function function, struct arena *arena, struct value **results,
                  struct slice *error) {
    for (int i = 0; i < POLICY_RESULTS_MAX; i++) {
        const struct shape *shape = declared_functions[function].results[i];
        if (!shape)
            continue;
        struct slice path = i ? SLICE("its second result") : SLICE("its result"), why = SLICE_NONE;
        results[i] = convert_read(L, first + i, arena, &why);
        if (!results[i])
            *error = arena_printf(arena, "%.*s may not hold %.*s", SLICE_ARG(path), SLICE_ARG(why));
        else if (!shape_check(shape, results[i], path, arena, &why))
            *error = why;
        if (error->len)
            return false;
    }
    *error = slice_of(contradiction_of(function, results[0]));
    return !error->len;
}

static void work(lua_State *L, void *context) {
    struct policy_call *call = context;
    int count = 0;
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->policy->references[call->function]);
    while (count < POLICY_ARGUMENTS_MAX && call->arguments[count])
        convert_push(L, call->arguments[count++]);
    lua_call(L, count, POLICY_RESULTS_MAX);
    bool is_good = results_read(L, 1, call->function, call->arena, call->results, &call->error);
    if (is_good && call->function == FUNCTION_consent_page)
        call->error = consent_page_fault(call->arena, call->results[0], call->arguments[0]);
}

struct slice call_place(const struct policy *policy, enum policy_function function, struct arena *arena,
                        struct slice message) {
    const struct source_file *file = source_policy(policy->source, declared_functions[function].file);
    const char *text = arena_string(arena, message);
    if (strstr(text, ".lua:"))
        return slice_of(text);
    return arena_printf(arena, "%s:%d: %s", file->label, policy->lines[function], text);
}

/* On the loop's stack. */
static void run(void *context) {
    struct policy_call *call = context;
    struct policy *policy = call->policy;
    const struct vm_budget budget = {policy->limits.call_ms, CALL_BLOCK_BYTES};
    bool is_held = vm_run(policy->vm, &budget, work, call);
    call->took_ns = policy->vm->took_ns;
    if (!is_held)
        call->error = slice_of(policy->vm->message);
    call->decided = is_held && !call->error.len;
    if (!call->decided)
        call->error = call_place(call->policy, call->function, call->arena, call->error);
}

/* A function that the policies leave out: what holds without it. */
static void call_default(struct policy_call *call) {
    const struct value *result = declared_functions[call->function].without;
    if (call->function == FUNCTION_apps_present)
        result = call->arguments[0];
    call->results[0] = (struct value *)(uintptr_t)result; /* nobody writes to it */
    call->results[1] = NULL;
    call->decided = true;
}

const char *call_name(enum policy_function function) {
    return function_names[function];
}

bool policy_has(const struct policy *policy, enum policy_function function) {
    return policy->references[function] != LUA_NOREF;
}

void call_run(struct policy_call *call) {
    if (policy_has(call->policy, call->function))
        fiber_hop(run, call);
    else
        call_default(call);
}

static void outcome_keep(const struct policy_call *call) {
    struct policy_outcome *last = &call->policy->last;
    *last = (struct policy_outcome){
        .function = function_names[call->function], .error = call->error, .took_ns = call->took_ns};
    for (int i = 0; i < POLICY_RESULTS_MAX; i++)
        last->results[i] = call->decided ? call->results[i] : NULL;
}

const struct policy_outcome *policy_last(const struct policy *policy) {
    return &policy->last;
}

static void failure_tell(struct policy_call *call) {
    outcome_keep(call);
    metric_add(METRIC_policy_failures, 1);
    log_warn("policy_failed", log_string("function", function_names[call->function]), log_text("error", call->error));
}

static void decision_count(struct policy_call *call) {
    metric_add(METRIC_policy_calls, 1);
    policy_time_observe(call->function, call->took_ns);
    if (call->decided)
        outcome_keep(call);
    else
        failure_tell(call);
}

bool policy_call(struct policy_call *call) {
    call_run(call);
    if (policy_has(call->policy, call->function))
        decision_count(call);
    else
        call->policy->last = (struct policy_outcome){0};
    if (call->policy->shadow)
        shadow_ask(call);
    if (renew_is_due(call->policy))
        renew_look(call->policy);
    return call->decided;
}

bool policy_eval(struct policy *policy, struct arena *arena, struct slice name, const struct value *first,
                 const struct value *second, struct policy_outcome *outcome) {
    *outcome = (struct policy_outcome){.error = arena_printf(arena, "There is no function %.*s.", SLICE_ARG(name))};
    for (int i = 0; i < FUNCTION_COUNT; i++) {
        if (!slice_is(name, function_names[i]))
            continue;
        if (policy->references[i] == LUA_NOREF)
            break;
        struct policy_call call = {
            .policy = policy, .function = (enum policy_function)i, .arena = arena, .arguments = {first, second}};
        fiber_hop(run, &call);
        outcome_keep(&call);
        *outcome = policy->last;
        return call.decided;
    }
    return false;
}
