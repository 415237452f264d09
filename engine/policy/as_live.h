/* The functions of policies as their specs and 'policy check' call them: within the limits that hold on a server, told
 * the facts that a server tells, and held to the shape of their decisions. */
#ifndef POLICY_AS_LIVE_H
#define POLICY_AS_LIVE_H

#include "policy/policy_state.h"

/* What the wrapped functions need; must outlive the state. `arena` is for one test. */
struct as_live {
    const struct policy *policy;
    struct arena *arena;
    bool is_strict;     /* a fact that others are told, and this function is not, is an error also, not nil */
    struct slice fault; /* "file:line: what" was last found wrong with facts or result, whoever caught the error */
};

/* Replaces the table of that policy at the top of the stack by a copy whose functions are wrapped. They return what the
 * policy's own return, and raise "file:line: what" where a server would say policy_failed, also where the facts that
 * they are given, or ask for, are no facts of any function. */
void as_live_wrap(lua_State *L, struct as_live *as_live, struct slice policy);

/* Pushes one of the policy's functions, wrapped likewise. It must be there. */
void as_live_push(lua_State *L, struct as_live *as_live, enum policy_function function);

#endif
