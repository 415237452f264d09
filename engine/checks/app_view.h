/* Which apps somebody is shown, and what of them, as the policies say. */
#ifndef CHECKS_APP_VIEW_H
#define CHECKS_APP_VIEW_H

#include "registry/listing.h"

/* What the listing policy decides for that viewer. `asked` may have include_public, include_shared and order.
 * ERROR_POLICY_FAILED. */
enum error app_listing_decide(struct request *request, const struct user *viewer, const struct value *asked,
                              struct listing_decision *decision);

/* The orders that a listing may be asked for. */
bool app_order_is_valid(struct slice order);

/* The app (checks/app_json.h) as the policy shows it to the viewer; NULL when the policy failed. */
struct value *app_shown(struct request *request, const struct user *viewer, const struct app *app);

#endif
