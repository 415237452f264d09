/* The SSO session: who is signed in here with this browser. */
#ifndef CHECKS_SESSION_H
#define CHECKS_SESSION_H

#include "server/response.h"
#include "store/record.h"

#define SESSION_COOKIE "chutes-session-token"

struct session {
    struct slice session_id;
    struct slice browser_id; /* shared by the same user's sessions in the same browser, and by no others */
    struct user user;        /* with sign_in */
};

/* The session that a token of kind TOKEN_SESSION proves. ERROR_UNAUTHENTICATED when it is malformed,
 * unknown, wrong or expired. */
enum error session_from_token(struct request *request, struct slice token, struct session *session);

/* The same from the cookie. ERROR_UNAUTHENTICATED when there is none. */
enum error session_from_cookie(struct request *request, struct session *session);

/* Makes a session for a user who has just proved who she is, and its cookie. Where the request brings a session of hers
 * it is the same browser: what that has open (consent pages, forms) goes on. When `spent_id` is set
 * the proof was a single-use thing (expiring at spent_expires_at_s): ERROR_INVALID_REQUEST, and no
 * session, when another attempt used it first, or when the credential has been replaced meanwhile. */
struct session_start {
    const struct user *user; /* with sign_in */
    struct slice credential; /* of the proof (checks/proven.h) */
    struct slice spent_id;
    int64_t spent_expires_at_s;
};
enum error session_begin(struct request *request, const struct session_start *start, struct session *session,
                         struct slice *cookie);

#endif
