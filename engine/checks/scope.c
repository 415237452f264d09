#include "checks/scope.h"

#include "policy/facts.h"
#include "registry/audit.h"

/* %x21 / %x23-5B / %x5D-7E (RFC 6749 §3.3) */
static bool scope_token_is_valid(struct slice scope) {
    for (size_t i = 0; i < scope.len; i++) {
        char c = scope.at[i];
        if (c < 0x21 || c > 0x7e || c == '"' || c == '\\')
            return false;
    }
    return scope.len > 0;
}

bool scope_holds(const struct value *scopes, struct slice scope) {
    for (const struct value *one = scopes->first; one; one = one->next)
        if (slice_equal(one->text, scope))
            return true;
    return false;
}

enum error scope_check(struct request *request, struct slice scope, const struct value **scopes) {
    if (scope.len > SCOPE_TEXT_MAX)
        return fail(request, ERROR_INVALID_SCOPE, "scope is longer than %d characters.", SCOPE_TEXT_MAX);
    struct value *list = value_list(request->arena);
    while (slice_is_set(scope)) {
        struct slice one = slice_cut(&scope, ' ');
        if (one.len == 0 || scope_holds(list, one))
            continue;
        if (!scope_token_is_valid(one))
            return fail(request, ERROR_INVALID_SCOPE, "scope holds a character that no scope may have.");
        if (list->count == SCOPE_COUNT_MAX)
            return fail(request, ERROR_INVALID_SCOPE, "scope names more than %d scopes.", SCOPE_COUNT_MAX);
        if (!slice_is_set(policy_scope_describe(request->service->policy, request->arena, one)))
            return fail(request, ERROR_INVALID_SCOPE, "There is no scope %.*s.", SLICE_ARG(one));
        value_append_text(request->arena, list, one);
    }
    *scopes = list->count ? list : policy_scope_default(request->service->policy);
    return ERROR_NONE;
}

enum error scope_grant(struct request *request, const struct scope_question *question, const struct value **granted) {
    struct arena *arena = request->arena;
    struct value *facts = facts_of(request);
    if (question->user)
        facts_add_user(arena, facts, question->user);
    facts_add_app(arena, facts, question->app);
    value_set_value(facts, "requested", value_copy(arena, question->requested));
    if (question->previous)
        value_set_value(facts, "previous", value_copy(arena, question->previous));
    value_set_text(arena, facts, "prompt", question->prompt);
    value_set_text(arena, facts, "grant_type", slice_of(question->grant_type));

    struct grant_decision decision = policy_grant(request->service->policy, arena, facts);
    audit_decision(request, facts);
    if (!decision.granted)
        return fail(request, ERROR_INVALID_SCOPE, "%.*s", SLICE_ARG(decision.reason));
    struct value *kept = value_list(arena);
    for (const struct value *one = question->requested->first; one; one = one->next)
        if (scope_holds(decision.scopes, one->text))
            value_append_text(arena, kept, one->text);
    *granted = kept;
    return ERROR_NONE;
}
