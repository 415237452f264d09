/* The facts that policies decide on, built from records. One builder per noun, so that a fact has
 * the same name and shape in every policy (documented in policies/README.md). */
#ifndef POLICY_FACTS_H
#define POLICY_FACTS_H

#include "store/record.h"

struct value *facts_user(struct arena *arena, const struct user *user);
struct value *facts_app(struct arena *arena, const struct app *app);
struct value *facts_owner(struct arena *arena, const struct app *app);

/* Facts that hold in every decision: now, request = { address, user_agent }. */
struct value *facts_base(struct arena *arena, int64_t now_s, struct slice address, struct slice user_agent);

#endif
