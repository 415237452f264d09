/* Calling a function of the policies, in its budget, with its results in their declared shape. Typed decisions are made
 * of it in decision.c. */
#ifndef POLICY_CALL_H
#define POLICY_CALL_H

#include "policy/policy_state.h"

enum { POLICY_ARGUMENTS_MAX = 2 };

struct policy_call {
    struct policy *policy;
    enum policy_function function;
    struct arena *arena;
    const struct value *arguments[POLICY_ARGUMENTS_MAX];
    struct value *results[POLICY_RESULTS_MAX]; /* never NULL after a good call where one is declared */
    struct slice error;                        /* "file:line: message" when it failed */
    bool decided;
    int64_t took_ns;
};

/* True when it returned, and in its declared shape. Else call->error says why; it is logged and counted. Runs the
 * shadow beside it, if there is one (policy_shadow_set). */
bool policy_call(struct policy_call *call);

/* For a result whose parts are well-formed but do not go together. */
void policy_call_failed(struct policy_call *call, struct slice message);

#endif
