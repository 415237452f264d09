/* Decisions remember nothing, and a state that does all the same is replaced by a fresh one of the same text: when what
 * it keeps is no longer what its files made, or fills its memory so that calls fail. */
#ifndef POLICY_RENEW_H
#define POLICY_RENEW_H

#include "policy/policy_state.h"

/* What a policy keeps is looked at once in so many decisions; a state is replaced at most once in so long. */
enum { RENEW_LOOK_CALLS = 1000, RENEW_PAUSE_MS = 60 * 1000 };

/* After each decision. */
static inline bool renew_is_due(struct policy *policy) {
    return --policy->calls_to_look <= 0 || vm_is_full(policy->vm);
}
void renew_look(struct policy *policy);

#endif
