/* A candidate beside the policies that decide: it is asked the same, and its answer counts for nothing. */
#ifndef POLICY_SHADOW_H
#define POLICY_SHADOW_H

#include "policy/call.h"

/* What a candidate may cost before it is asked no more: so many decisions in all threads that failed, or took so much
 * of a processor; and of those that differ, so many get a line in the log (all are counted). */
enum { SHADOW_FAILURES_MAX = 20, SHADOW_SLOW_MS = 5, SHADOW_LINES_MAX = 200 };

/* Asks the shadow of the policy that has just decided (or left the decision to the server), if it has one. */
void shadow_ask(const struct policy_call *live);

/* Whether there is a candidate that is still asked and has this function. */
bool shadow_has(const struct policy *policy, enum policy_function function);

#endif
