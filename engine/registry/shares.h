/* Apps shown to one more user by their owner. `by`: who does it, for the record; NULL: nobody in particular. */
#ifndef REGISTRY_SHARES_H
#define REGISTRY_SHARES_H

#include "server/response.h"
#include "store/record.h"

/* ERROR_BAD_REQUEST: with oneself, or with too many; ERROR_CONFLICT: it is shared already. */
enum error share_create(struct request *request, const struct app *app, const struct user *by, const struct user *with);
/* ERROR_NOT_FOUND: it is not shared with that user. */
enum error share_delete(struct request *request, const struct app *app, const struct user *by, struct slice user_id);
/* List of { user_id, username, shared_at }, the oldest first. */
enum error share_list(struct request *request, const struct app *app, struct value **shares);

#endif
