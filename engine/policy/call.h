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
 * shadow beside it, if there is one (policy_shadow_set). Where the policies leave the function out, the result is what
 * holds without it (declared.h), and no decision was made. */
bool policy_call(struct policy_call *call);

/* The parts of it: whether the function is there; the call alone, neither logged nor counted; "scopes.grant". */
bool policy_has(const struct policy *policy, enum policy_function function);
void call_run(struct policy_call *call);
/* Reads what the function returned, from the index `first` on. False with *error when it is not of the declared shape.
 */
bool results_read(lua_State *L, int first, enum policy_function function, struct arena *arena, struct value **results,
                  struct slice *error);
const char *call_name(enum policy_function function);
/* The message, behind the place of the function unless it names one. */
struct slice call_place(const struct policy *policy, enum policy_function function, struct arena *arena,
                        struct slice message);

#endif
