/* What strangers can make the store keep, at most: the one place with the numbers (their reasons are beside them in
 * ceilings.c, what they add up to stands in sql/README.md). Each is a budget (base/budget.h) of who sends, so that one
 * who floods has spent his own: the budgets that everybody shares are so much larger than one address's that it takes a
 * crowd of networks to spend them.
 *
 * What needs no number here, because it leaves no row: authorization and pushed requests, login nonces, wrong codes,
 * tokens and secrets, proofs and assertions of keys that nobody has shown to be a client's or a token's. */
#ifndef REGISTRY_CEILINGS_H
#define REGISTRY_CEILINGS_H

#include "server/request.h"

/* What somebody asks for who has proven nothing. */
enum ceiling { CEILING_DEVICE_CODE, CEILING_REGISTRATION };
/* One more for this address. ERROR_TOO_MANY_REQUESTS, with when to come again. */
enum error ceiling_check(struct request *request, enum ceiling ceiling);

/* One more id of their own choosing that a proven key's owner (`whose`: the key's thumbprint or the client) and this
 * address make us remember. ERROR_TOO_MANY_REQUESTS. */
enum error ceiling_proof_check(struct request *request, struct slice whose);

/* Whether the audit log tells of one more refusal. `user`: whose, when that is proven; NULL: of a stranger.
 * `is_common`: one that happens all day to clients that do nothing wrong. */
bool ceiling_refusal_fits(const struct request *request, const struct slice *user_id, bool is_common);

#endif
