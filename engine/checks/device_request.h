/* What a device asks for (RFC 8628): a row that waits until somebody enters the user_code that the device shows. To the
 * consent step it is an authorization request without a redirect_uri. */
#ifndef CHECKS_DEVICE_REQUEST_H
#define CHECKS_DEVICE_REQUEST_H

#include "checks/authorization_request.h"

/* Whatever somebody has typed as "BCDF-GHJK": case, dashes and spaces do not matter (§6.1). Absent when no code can be
 * meant. */
struct slice user_code_read(struct arena *arena, struct slice text);

/* The request that waits under a user_code (of user_code_read), for somebody who is signed in: wrong ones are counted
 * for each user, in the store, so that many sessions on many servers give no more tries (§5.1). ERROR_NOT_FOUND;
 * ERROR_TOO_MANY_REQUESTS after too many wrong ones, right or wrong; ERROR_BAD_REQUEST when the app is switched off. */
enum error device_request_find(struct request *request, const struct user *user, struct slice user_code,
                               struct authorization_request *asked);

/* The same request again, by its id. ERROR_BAD_REQUEST when it has expired or was answered. */
enum error device_request_open(struct request *request, struct slice device_id, struct authorization_request *asked);

#endif
