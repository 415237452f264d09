/* Cross-site request forgery: forms of our own pages only. */
#ifndef CHECKS_CSRF_H
#define CHECKS_CSRF_H

#include "server/response.h"

/* ERROR_FORBIDDEN when the browser says that another site made it send this form (Fetch Metadata), or names a
 * foreign origin. Our pages send Referrer-Policy: no-referrer, so their own forms say "Origin: null";
 * what ties a form to its session is in the form itself (the sealed session_id). */
enum error csrf_check(struct request *request);

#endif
