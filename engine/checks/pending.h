/* The pending authorization request behind `session_id` of the consent step: sealed, so that nothing is stored before
 * the user answers; bound to the user and the browser that it was made in; good once. What the page offers is sealed
 * with it, so that an answer gives what was shown, whatever policy and app have become meanwhile. */
#ifndef CHECKS_PENDING_H
#define CHECKS_PENDING_H

#include "checks/authorization_request.h"

struct pending {
    struct slice spent_id; /* what an answer spends */
    int64_t spent_until_s; /* and for how long that has to be remembered */
    int64_t expires_at_s;
    struct authorization_request asked;
    /* Of asked.scopes, in their order, those whose box may be left empty are SCOPE_OPTIONAL, the others SCOPE_REQUIRED;
     * absent: no page has been made of it. */
    struct slice offered;
};

enum { SCOPE_REQUIRED = 'r', SCOPE_OPTIONAL = 'o' };

/* What an answer to that request spends: a pushed request gives one code however often its request_uri is opened, and a
 * device's is answered once whoever enters its user_code. */
struct slice pending_spent_id(struct arena *arena, const struct authorization_request *asked);

/* A new one; no page has offered anything of it yet. */
void pending_begin(struct request *request, const struct authorization_request *asked, struct pending *pending);

/* As a session_id. One pending request may have several, each with what its page offered: they expire together, and
 * are answered once. */
struct slice pending_seal(struct request *request, const struct pending *pending, const struct session *session);

/* Opens it and checks again what may have changed: the app as the page shows it and its redirect_uri, or the device's
 * row. ERROR_BAD_REQUEST when it is forged, expired, made by another release or its app has changed; ERROR_FORBIDDEN
 * when it belongs to another user or browser. */
enum error pending_open(struct request *request, struct slice session_id, const struct session *session,
                        struct pending *pending);

#endif
