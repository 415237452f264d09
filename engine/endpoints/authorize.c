/* GET /idp/authorize (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1). */
#include "endpoints/consent_step.h"
#include "endpoints/endpoints.h"

#include "base/clock.h"
#include "checks/fields.h"

const struct field authorize_fields[] = {
    {"response_type", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "code."},
    {"client_id", FIELD_TEXT, FIELD_REQUIRED, 0, 0, NULL},
    {"redirect_uri", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "One that the app has registered."},
    {"scope", FIELD_TEXT, 0, 0, 0, "Separated by spaces."},
    {"state", FIELD_TEXT, 0, 0, 0, "Comes back as it is."},
    {"code_challenge", FIELD_TEXT, 0, 0, 0, "RFC 7636."},
    {"code_challenge_method", FIELD_TEXT, 0, 0, 0, "S256."},
    {"nonce", FIELD_TEXT, 0, 0, 0, "OpenID Connect."},
    {"prompt", FIELD_TEXT, 0, 0, 0, "none, login, consent or select_account."},
    {"max_age", FIELD_INT, 0, 0, INT32_MAX, "Seconds since the user signed in."},
    {"login_hint", FIELD_TEXT, 0, 0, 0, NULL},
    {0},
};

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
    if (is_signed_in && asked.max_age_s >= 0 && session.user.sign_in.at + asked.max_age_s < clock_now_s())
        is_signed_in = false;
    if (is_signed_in)
        return consent_step(request, &asked, &session);
    if (asked.prompt_none)
        return authorization_error(request, &asked, ERROR_LOGIN_REQUIRED);
    return login_page(request, &asked, 200, SLICE_NONE);
}
