/* How much one person may have: policies/quotas.lua. What is counted is counted in the statement that adds to it,
 * behind STATEMENT_user_lock, so that two at once get no more than one after the other. */
#ifndef CHECKS_QUOTAS_H
#define CHECKS_QUOTAS_H

#include "server/response.h"
#include "store/record.h"

/* ERROR_POLICY_FAILED. */
enum error quotas_of(struct request *request, const struct user *user, struct quotas *quotas);

#endif
