/* The end of sessions, and who is told. An app that a user has signed in to by a session, and that has registered a
 * backchannel_logout_uri, gets a logout token (OpenID Connect Back-Channel Logout 1.0) when that session is ended: a
 * row is queued with the end itself, so that it outlives this process, and registry/logout_delivery.h brings it.
 *
 * Tokens of apps stay as they are: what apps may do was allowed by the user, not by the session, and is taken back
 * under /idp/authorizations. A session that simply expires tells nobody. */
#ifndef REGISTRY_LOGOUT_H
#define REGISTRY_LOGOUT_H

#include "server/response.h"
#include "store/record.h"

/* It is gone from every worker when this returns; that it was gone already is as good. */
enum error session_end(struct request *request, const struct user *user, struct slice session_id);
/* All sessions of the user, everywhere. `why`: for the record, when the user does not do it; *ended: how many there
 * were.
 */
enum error sessions_end(struct request *request, const struct user *user, struct slice why, int64_t *ended);

/* For a batch that deletes all sessions of a user, behind that: their apps will be told, by whatever server runs. */
enum { LOGOUT_QUEUE_STATEMENTS = 2 }; /* that it adds */
void logout_queue_user(struct batch *batch, struct slice user_id);

#endif
