/* GET /idp/authorize (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1). */
#include "endpoints/consent_step.h"
#include "endpoints/endpoints.h"

#include "base/clock.h"

struct response endpoint_authorize(struct request *request) {
    struct authorization_request asked;
    enum error error = authorization_request_check(request, &request->query, &asked);
    if (error)
        return authorization_error(request, &asked, error);

    struct session session;
    error = session_from_cookie(request, &session);
    if (error && error != ERROR_UNAUTHENTICATED)
        return authorization_error(request, &asked, error);
    bool is_signed_in = !error && !asked.prompt_login;
    if (is_signed_in && asked.max_age_s >= 0 && session.auth_time + asked.max_age_s < clock_now_s())
        is_signed_in = false;
    if (is_signed_in)
        return consent_step(request, &asked, &session);
    if (asked.prompt_none)
        return authorization_error(request, &asked, ERROR_LOGIN_REQUIRED);
    return login_page(request, &asked, 200, SLICE_NONE);
}
