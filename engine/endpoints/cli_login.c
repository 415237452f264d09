/* Signing in from a command line: a nonce, signed by the wallet, becomes an SSO session. */
#include "endpoints/endpoints.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "checks/fields.h"
#include "checks/second_factor.h"
#include "checks/sign_in.h"

const struct field cli_login_fields[] = {
    {"hotkey", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "SS58 address."},
    {"signature", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "sr25519, over Sign in to ISSUER: NONCE, or the nonce alone; hex."},
    {"nonce", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "Of /idp/cli_login/nonce; good once, for five minutes."},
    {"message", FIELD_TEXT, 0, 0, 0, "What was signed, where it is a text of Sign-In with Substrate with that nonce."},
    {0},
};

struct response endpoint_cli_login_nonce(struct request *request) {
    struct value *answer = value_map(request->arena);
    value_set_text(request->arena, answer, "nonce", login_nonce(request, KEY_NONCE));
    return response_value(request, answer);
}

/* A link of another site must not sign anybody in here (login CSRF). Command lines do not say where they come from, and
 * what a person typed or pasted comes from nowhere. */
static enum error site_check(struct request *request) {
    struct slice site = request->sec_fetch_site;
    if (!slice_is_set(site) || slice_is(site, "none") || slice_is(site, "same-origin"))
        return ERROR_NONE;
    return fail(request, ERROR_FORBIDDEN, "This link was opened by another site. Nobody was signed in.");
}

/* Nor may a link, wherever it was found, make somebody who is signed in go on as somebody else unseen. */
static enum error session_check(struct request *request, const struct user *user) {
    struct session session;
    enum error error = session_from_cookie(request, &session);
    if (error == ERROR_UNAUTHENTICATED)
        return ERROR_NONE;
    if (!error && !slice_equal(session.user.user_id, user->user_id))
        return fail(request, ERROR_CONFLICT, "Somebody else is signed in with this browser. Sign out there first.");
    return error;
}

struct response endpoint_cli_login(struct request *request) {
    const struct wallet_proof proof = wallet_proof_from(request->arena, &request->query);
    fields_required(request);
    enum error error = site_check(request);
    if (error || (error = request_validation(request)))
        return respond_error(request, error);

    struct session session;
    struct slice cookie;
    struct proven *proven = arena_zalloc(request->arena, sizeof(*proven));
    if ((error = wallet_prove(request, &proof, proven)) || (error = session_check(request, &proven->user)))
        return respond_error(request, error);
    if (second_factor_is_needed(request, proven))
        return respond_error(request,
                             fail(request, ERROR_FORBIDDEN, "A passkey is also needed: sign in with a browser."));
    if ((error = sign_in_finish(request, proven, &session, &cookie)))
        return respond_error(request, error);
    struct response response = response_redirect(302, request->service->settings->landing_page);
    response_cookie(request, &response, SESSION_COOKIE, cookie, request->service->settings->session_s);
    return response;
}
