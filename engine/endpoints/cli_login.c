/* Signing in from a command line: a nonce, signed by the wallet, becomes an SSO session. */
#include "endpoints/endpoints.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "checks/sign_in.h"

struct response endpoint_cli_login_nonce(struct request *request) {
    struct value *answer = value_map(request->arena);
    value_set_text(request->arena, answer, "nonce", wallet_nonce(request));
    return response_value(request, answer);
}

struct response endpoint_cli_login(struct request *request) {
    struct wallet_proof proof = {
        .hotkey = params_get(&request->query, "hotkey"),
        .signature = params_get(&request->query, "signature"),
        .nonce = params_get(&request->query, "nonce"),
    };
    if (!slice_is_set(proof.hotkey))
        request_invalid(request, "query", "hotkey", -1, "missing", "hotkey is required");
    if (!slice_is_set(proof.signature))
        request_invalid(request, "query", "signature", -1, "missing", "signature is required");
    if (!slice_is_set(proof.nonce))
        request_invalid(request, "query", "nonce", -1, "missing", "nonce is required");
    enum error error = request_validation(request);
    if (error)
        return respond_error(request, error);

    struct session session;
    struct slice cookie;
    if ((error = wallet_sign_in(request, &proof, &session, &cookie)))
        return respond_error(request, error);
    struct response response = response_redirect(302, request->service->settings->landing_page);
    response_cookie(request, &response, SESSION_COOKIE, cookie, request->service->settings->session_s);
    return response;
}
