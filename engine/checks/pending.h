/* The pending authorization request behind `session_id` of the consent step: sealed, so that nothing
 * is stored before the user answers; bound to the SSO session that it was made in; good once. */
#ifndef CHECKS_PENDING_H
#define CHECKS_PENDING_H

#include "checks/authorization_request.h"

struct pending {
    struct slice spent_id; /* what an answer spends */
    int64_t spent_until_s; /* and for how long that has to be remembered */
    int64_t expires_at_s;
    struct authorization_request asked;
};

/* What an answer to that request spends: a pushed request gives one code however often its request_uri is opened, and a
 * device's is answered once whoever enters its user_code. */
struct slice pending_spent_id(struct arena *arena, const struct authorization_request *asked);

struct slice pending_seal(struct request *request, const struct authorization_request *asked,
                          const struct session *session);

/* Opens it and checks again what may have changed: the app and its redirect_uri, or the device's row.
 * ERROR_BAD_REQUEST when it is forged, expired or of another session. */
enum error pending_open(struct request *request, struct slice session_id, const struct session *session,
                        struct pending *pending);

#endif
