/* What users have allowed apps. */
#ifndef REGISTRY_AUTHORIZATIONS_H
#define REGISTRY_AUTHORIZATIONS_H

#include "server/response.h"
#include "store/record.h"

/* Those of a user that are in force, the newest first: rows of authorization_list. page from 0. */
enum error authorization_list(struct request *request, const struct user *user, int64_t page, int64_t limit,
                              struct rows **rows, int64_t *total);

/* Behind what approves or revokes, in its batch: the app's user_count then knows of it, once. */
void authorization_count(struct batch *batch, struct db_value user_id, struct db_value app_id);

/* Takes back all that the user has allowed an app; its tokens for the user stop at once on every worker.
 * ERROR_NOT_FOUND: there is nothing. */
enum error authorization_revoke(struct request *request, const struct user *user, struct slice app_id);

#endif
