#include "policy/shadow.h"

#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "fiber/fiber.h"

#include <time.h>

/* --- what is compared --- */

/* The reason of a denial counts; beside any other decision nobody reads it. */
static bool has_reason(const struct policy_call *call) {
    const struct value *decision = call->results[0];
    if (!call->results[1] || call->results[1]->kind == VALUE_NULL)
        return false;
    return decision->kind == VALUE_BOOL ? !decision->boolean : slice_is(decision->text, "deny");
}

static struct slice outcome_text(const struct policy_call *call) {
    if (!call->decided)
        return call->error;
    struct buffer json = buffer_in(call->arena);
    json_write(&json, call->results[0]);
    if (has_reason(call)) {
        buffer_add_text(&json, ", ");
        json_write(&json, call->results[1]);
    }
    return buffer_slice(&json);
}

static bool is_same(const struct value *a, const struct value *b);

/* Lua has no order of names, and no member that is null. */
static bool holds_members_of(const struct value *map, const struct value *other) {
    for (const struct value *member = other->first; member; member = member->next)
        if (!is_same(member, value_get_slice(map, member->name)))
            return false;
    return true;
}

static bool is_same_list(const struct value *a, const struct value *b) {
    const struct value *left = a->first, *right = b->first;
    for (; left && right; left = left->next, right = right->next)
        if (!is_same(left, right))
            return false;
    return left == right;
}

/* NULL is as null. */
static bool is_same(const struct value *a, const struct value *b) {
    enum value_kind kind = a ? a->kind : VALUE_NULL, other = b ? b->kind : VALUE_NULL;
    if (kind != other)
        return (kind == VALUE_LIST || kind == VALUE_MAP) && (other == VALUE_LIST || other == VALUE_MAP) && !a->count &&
               !b->count;
    switch (kind) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return a->boolean == b->boolean;
    case VALUE_INT:
        return a->integer == b->integer;
    case VALUE_REAL:
        return memcmp(&a->real, &b->real, sizeof(a->real)) == 0;
    case VALUE_TEXT:
        return slice_equal(a->text, b->text);
    case VALUE_LIST:
        return is_same_list(a, b);
    case VALUE_MAP:
        return holds_members_of(a, b) && holds_members_of(b, a);
    }
    return false;
}

static bool outcomes_differ(const struct policy_call *a, const struct policy_call *b) {
    if (!a->decided || !b->decided)
        return a->decided != b->decided || !slice_equal(a->error, b->error);
    if (!is_same(a->results[0], b->results[0]))
        return true;
    return has_reason(a) != has_reason(b) || (has_reason(a) && !is_same(a->results[1], b->results[1]));
}

/* The names of the members of `map` that `other` has not, or has otherwise. */
static struct slice names_that_differ(struct arena *arena, const struct value *map, const struct value *other) {
    struct buffer names = buffer_in(arena);
    for (const struct value *member = map->first; member; member = member->next)
        if (!is_same(member, value_get_slice(other, member->name)))
            buffer_printf(&names, "%s%.*s", names.len ? ", " : "", SLICE_ARG(member->name));
    return buffer_slice(&names);
}

/* Claims and apps are about people: the log has the names of what differs there, not what it is. */
static bool is_about_people(enum policy_function function) {
    return function == FUNCTION_claims_userinfo || function == FUNCTION_claims_id_token ||
           function == FUNCTION_apps_present;
}

static struct slice logged_text(const struct policy_call *call, const struct policy_call *other) {
    if (!call->decided || !is_about_people(call->function))
        return outcome_text(call);
    if (!other->decided)
        return SLICE("decided");
    return names_that_differ(call->arena, call->results[0], other->results[0]);
}

/* --- asking --- */

static int64_t thread_time_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The wall's clock would also count what other programs take. */
static bool call_is_cheap(struct policy_call *call) {
    int64_t started_ns = thread_time_ns();
    call_run(call);
    return thread_time_ns() - started_ns < SHADOW_SLOW_MS * 1000000LL;
}

static void failure_count(const struct policy_call *call) {
    struct shadow_record *record = call->policy->record;
    metric_add(METRIC_shadow_failures, 1);
    if (atomic_fetch_add(&record->failures, 1) + 1 != SHADOW_FAILURES_MAX)
        return;
    struct slice why = call->decided
                           ? arena_printf(call->arena, "%s takes over %d ms", call_name(call->function), SHADOW_SLOW_MS)
                           : call->error;
    atomic_store(&record->is_stopped, true);
    metric_info_set(INFO_shadow_stopped, why);
    log_warn("shadow_stopped", log_int("failures", SHADOW_FAILURES_MAX),
             log_string("function", call_name(call->function)), log_text("error", why));
}

static void difference_count(const struct policy_call *live, const struct policy_call *call) {
    struct shadow_record *record = call->policy->record;
    metric_add(METRIC_shadow_differences, 1);
    if (atomic_fetch_add(&record->differences, 1) >= SHADOW_LINES_MAX)
        return;
    log_info("shadow_difference", log_string("function", call_name(call->function)),
             log_text("live", logged_text(live, call)), log_text("shadow", logged_text(call, live)));
}

void shadow_ask(const struct policy_call *live) {
    struct policy_call call = {.policy = live->policy->shadow, .function = live->function, .arena = live->arena};
    if (!call.policy || atomic_load_explicit(&call.policy->record->is_stopped, memory_order_relaxed))
        return;
    bool is_there = policy_has(call.policy, call.function);
    if (!is_there && !policy_has(live->policy, live->function))
        return;
    memcpy(call.arguments, live->arguments, sizeof(call.arguments));
    bool is_cheap = call_is_cheap(&call);
    metric_add(METRIC_shadow_decisions, 1);
    atomic_fetch_add(&call.policy->record->decisions, 1);
    if (outcomes_differ(live, &call))
        difference_count(live, &call);
    if (is_there && (!call.decided || !is_cheap))
        failure_count(&call);
}

bool shadow_has(const struct policy *policy, enum policy_function function) {
    const struct policy *shadow = policy->shadow;
    return shadow && !atomic_load_explicit(&shadow->record->is_stopped, memory_order_relaxed) &&
           policy_has(shadow, function);
}

void policy_shadow_set(struct policy *policy, struct policy *candidate, struct shadow_record *record) {
    if (policy->shadow)
        policy_close(policy->shadow);
    policy->shadow = candidate;
    if (candidate)
        candidate->record = record;
}

struct value *policy_shadow_differences(struct arena *arena, const struct policy *policy) {
    struct value *names = value_list(arena);
    for (int i = 0; i < DATA_COUNT; i++) {
        const struct declared_data *declared = &declared_data[i];
        if (declared->name && !is_same(policy->data[i], policy->shadow->data[i]))
            value_append(names, value_text(arena, arena_printf(arena, "%s.%s", declared->file, declared->name)));
    }
    return names;
}
