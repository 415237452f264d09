/* The pages of /admin: for users who have the role admin, with the session of their browser. */
#ifndef CHECKS_ADMIN_H
#define CHECKS_ADMIN_H

#include "checks/session.h"

#define ADMIN_ROLE "admin"

/* True when an administrator looks. Else *instead is the answer: nobody signed in goes to sign-in and comes back (a
 * GET), others get a 403 page. A role that was taken away counts no more within a second (store/store.h, db_find). */
bool admin_look(struct request *request, struct session *session, struct response *instead);

/* The same for a form of such a page (POST): with its csrf_token. */
bool admin_act(struct request *request, struct session *session, struct response *instead);

/* Context of an admin page: title, tab ("overview", "users", "apps", "audit"), who looks, csrf_token. */
struct value *admin_context(struct request *request, const struct session *session, const char *title, const char *tab);

#endif
