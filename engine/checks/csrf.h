/* Cross-site request forgery: forms of our own pages only. */
#ifndef CHECKS_CSRF_H
#define CHECKS_CSRF_H

#include "checks/session.h"

/* ERROR_FORBIDDEN when the browser says that another site made it send this form (Fetch Metadata), or names a
 * foreign origin. Our pages send Referrer-Policy: no-referrer, so their own forms say "Origin: null";
 * what ties a form to its session is in the form itself (the sealed session_id, csrf_token), and to its browser,
 * before there is a session, checks/form_token.h. */
enum error csrf_check(struct request *request);

/* Of a form that only a page of this session can send: it carries the session's csrf_token, too. */
enum error csrf_form_check(struct request *request, const struct session *session);

/* What a page of this session sends along when it changes something through the API with the cookie alone, in
 * X-CSRF-Token. It is in the page as <meta name="csrf-token">, and in its forms. */
struct slice csrf_token(struct request *request, const struct session *session);
/* ERROR_UNAUTHENTICATED unless the request carries it. */
enum error csrf_token_check(struct request *request, const struct session *session);

#endif
