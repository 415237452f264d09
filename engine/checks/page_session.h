/* The server's own pages (/account, /admin): for who is signed in; others sign in first and come back. */
#ifndef CHECKS_PAGE_SESSION_H
#define CHECKS_PAGE_SESSION_H

#include "checks/session.h"

/* Who looks at the page. False: the answer is *instead, which leads to sign-in and back here, or says that the store
 * cannot be reached. */
bool page_session(struct request *request, struct session *session, struct response *instead);

/* The same for a form of such a page, which must carry the session's csrf_token. */
bool page_form_session(struct request *request, struct session *session, struct response *instead);

/* Whether a sign-in may end there: path and query of an own page. Everything else would be an open redirect. */
bool own_page_is_valid(struct slice path_and_query);

/* Where somebody signs in for such a page. `anew`: even who is signed in. */
struct slice own_login_url(struct request *request, struct slice path_and_query, bool anew);

#endif
