/* The facts that policies decide on, built from the request and from records. One builder per noun, so that a fact has
 * the same name and shape in every policy; they are declared in declared_facts.c. */
#ifndef POLICY_FACTS_H
#define POLICY_FACTS_H

#include "server/request.h"
#include "store/record.h"

/* What holds in every decision: now, request. */
struct value *facts_of(const struct request *request);

void facts_add_user(struct arena *arena, struct value *facts, const struct user *user);
/* With its owner. */
void facts_add_app(struct arena *arena, struct value *facts, const struct app *app);
/* The parameter `claims` of OpenID Connect (Core §5.5), JSON; nothing when it is absent. A claim that is asked for by
 * null is an empty table, for nil would not be there. */
void facts_add_claims(struct arena *arena, struct value *facts, struct slice claims);
/* The app alone, for a name of its own. */
struct value *facts_app(struct arena *arena, const struct app *app);

#endif
