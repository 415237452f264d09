/* GET /idp/authorize (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1). */
#include "endpoints/consent_step.h"
#include "endpoints/endpoints.h"

#include "base/clock.h"
#include "checks/fields.h"

const struct field authorize_fields[] = {
    {"response_type", FIELD_TEXT, 0, 0, 0, "code. Required, unless the request was pushed."},
    {"client_id", FIELD_TEXT, FIELD_REQUIRED, 0, 0, NULL},
    {"redirect_uri", FIELD_TEXT, 0, 0, 0, "One that the app has registered. Required, unless the request was pushed."},
    {"scope", FIELD_TEXT, 0, 0, 0, "Separated by spaces."},
    {"state", FIELD_TEXT, 0, 0, 0, "Comes back as it is."},
    {"code_challenge", FIELD_TEXT, 0, 0, 0, "RFC 7636; required of a client that has no secret."},
    {"code_challenge_method", FIELD_TEXT, 0, 0, 0, "S256."},
    {"nonce", FIELD_TEXT, 0, 0, 0, "OpenID Connect."},
    {"prompt", FIELD_TEXT, 0, 0, 0, "none, login, consent or select_account."},
    {"max_age", FIELD_INT, 0, 0, INT32_MAX, "Seconds since the user signed in."},
    {"login_hint", FIELD_TEXT, 0, 0, 0, "The hotkey to sign in with."},
    {"id_token_hint", FIELD_TEXT, 0, 0, 0, "An id_token of the user who must sign in; it may have expired."},
    {"ui_locales", FIELD_TEXT, 0, 0, 0, "Languages of the pages, the best first, separated by spaces."},
    {"claims", FIELD_TEXT, 0, 0, 0, "JSON: claims for userinfo and id_token (OpenID Connect Core §5.5)."},
    {"acr_values", FIELD_TEXT, 0, 0, 0, "Read and left alone."},
    {"response_mode", FIELD_TEXT, 0, 0, 0, "query (when left out) or form_post."},
    {"resource", FIELD_TEXT, 0, 0, 0, "What the tokens are for (RFC 8707); may come several times."},
    {"dpop_jkt", FIELD_TEXT, 0, 0, 0, "Thumbprint of the key that the code is bound to (RFC 9449)."},
    {"request_uri", FIELD_TEXT, 0, 0, 0, "A request that was pushed (RFC 9126), in place of all but client_id."},
    {0},
};

struct response endpoint_authorize(struct request *request) {
    struct authorization_request asked;
    enum error error = authorization_query_check(request, &asked);
    if (error)
        return authorization_error(request, &asked, error);

    struct session session;
    error = session_from_cookie(request, &session);
    if (error && error != ERROR_UNAUTHENTICATED)
        return authorization_error(request, &asked, error);
    bool is_signed_in = !error && !asked.prompt_login;
    if (is_signed_in && asked.max_age_s >= 0 && session.user.sign_in.at + asked.max_age_s < clock_now_s())
        is_signed_in = false;
    if (is_signed_in && !asked.prompt_none && authorization_subject_check(request, &asked, &session.user))
        is_signed_in = false; /* the one who is meant may sign in */
    if (is_signed_in)
        return consent_step(request, &asked, &session);
    if (asked.prompt_none)
        return authorization_error(request, &asked, ERROR_LOGIN_REQUIRED);
    return login_page(request, &asked, 200, SLICE_NONE);
}
