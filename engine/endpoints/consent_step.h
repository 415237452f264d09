/* From a signed-in user to the app: what /idp/authorize, /idp/login, /idp/device and the consent page share. */
#ifndef ENDPOINTS_CONSENT_STEP_H
#define ENDPOINTS_CONSENT_STEP_H

#include "checks/pending.h"

/* The user is signed in: redirect to the consent page, or straight to the app where the consent policy skips or denies.
 * A device is never waved through: its user_code may come from somebody who wants the access for theirs (RFC 8628
 * §5.4). An app that asks for the page gets it (prompt=consent, OpenID Connect Core §3.1.2.1), even where the policy
 * skips. */
struct response consent_step(struct request *request, struct authorization_request *asked,
                             const struct session *session);

/* Records the approval of `scopes` and makes the grant and its sealed code; of a device's request the grant goes to the
 * device's row, and *code is absent. `spent_id` makes it once: ERROR_BAD_REQUEST when it was answered already, or
 * when the app has just been deleted. */
struct approval {
    const struct authorization_request *asked;
    const struct session *session;
    const struct value *scopes;
    const struct value *previous; /* facts of the authorization so far; NULL: none */
    struct slice spent_id;
    int64_t spent_expires_at_s;
};
enum error consent_approve(struct request *request, const struct approval *approval, struct slice *code);

/* The consent page of that request, as the policy makes it now; pending->offered is what it offers. NULL when the
 * policy failed: then nothing is offered. */
const struct value *consent_offer(struct request *request, struct pending *pending, const struct user *user,
                                  const struct value *previous);

/* Path and query of that page, for this user in this browser. */
struct slice consent_page_path(struct request *request, const struct pending *pending, const struct session *session);

/* Facts of what the user granted to the app before and has not revoked; *previous is NULL when there is nothing. */
enum error consent_previous(struct request *request, const struct user *user, const struct app *app,
                            const struct value **previous);

/* The login page (200, or 401 with what went wrong). */
struct response login_page(struct request *request, const struct authorization_request *asked, int status,
                           struct slice error);

/* The same for somebody who comes with a device's user_code. No app is named: whose code it is is told to nobody who
 * has not signed in. */
struct response device_login_page(struct request *request, struct slice user_code, int status, struct slice error);

/* Where a user_code is entered: it is filled in, and waits for a button. */
struct slice device_url(struct request *request, struct slice user_code);

/* Facts of the app and its owner for a page. */
void page_add_app(struct request *request, struct value *context, const struct app *app);
/* These words in the language of the page, and the app's name. */
struct slice page_title(struct request *request, const char *english, const struct app *app);

#endif
