/* Forms that are sent before anybody has signed in (login CSRF, RFC 6749 §10.12): no page of another site may sign a
 * browser in as somebody of its choice, or use a device's code in it. Where the browser does not say which site a form
 * comes from, our page's own token does: sealed, for this form alone, good for an hour, without a row; and for this
 * browser, by a cookie that no other site can set or send along (SameSite=Lax; with the prefix __Host- where the issuer
 * is https, or a sibling domain could). So a token that an attacker got with a page of his own is none elsewhere.
 *
 *   Sec-Fetch-Site   Origin         token and cookie   the form is
 *   same-origin      any            any                taken: the browser says that it is ours
 *   none             any            any                taken: a person did that, no page
 *   anything else    any            any                refused
 *   absent           the issuer's   any                taken
 *   absent           another        any                refused
 *   absent           null           they fit           taken: our pages' Referrer-Policy makes browsers say null
 *   absent           null           else               refused: so do frames in a sandbox
 *   absent           absent         they fit           taken
 *   absent           absent         a cookie, else     refused
 *   absent           absent         no cookie          taken: no browser, which names an Origin with every POST that
 *                                                      another site could have made; it has seen no page of ours
 *
 * The last row is for the callers of contract §5 that post to /idp/login without a page. */
#ifndef CHECKS_FORM_TOKEN_H
#define CHECKS_FORM_TOKEN_H

#include "server/response.h"

/* response_page for a page with such a form, which is sent to the route `action`: adds `form_token` to the context
 * (templates/request.html writes it as the field csrf_token), and the cookie to the answer. */
struct response form_page(struct request *request, int status, const char *page, struct value *context,
                          const char *action, struct slice target);

/* ERROR_FORBIDDEN, as the table says, for the form that was sent to this route. */
enum error form_check(struct request *request);

#endif
