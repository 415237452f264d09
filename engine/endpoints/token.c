/* POST /idp/token (RFC 6749 §3.2): who is the client, and which grant. */
#include "endpoints/endpoints.h"
#include "endpoints/token_family.h"

#include "checks/fields.h"

const struct field token_fields[] = {
    {"grant_type", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "authorization_code or refresh_token."},
    {"client_id", FIELD_TEXT, 0, 0, 0, "Required unless the client authenticates with Basic."},
    {"client_secret", FIELD_TEXT, 0, 0, 0, "client_secret_post; or send it with Basic."},
    {"code", FIELD_TEXT, 0, 0, 0, "authorization_code: the code."},
    {"redirect_uri", FIELD_TEXT, 0, 0, 0, "authorization_code: the same as in the authorization request."},
    {"code_verifier", FIELD_TEXT, 0, 0, 0, "authorization_code: when a code_challenge was sent (RFC 7636)."},
    {"refresh_token", FIELD_TEXT, 0, 0, 0, "refresh_token: the token; it is rotated."},
    {"scope", FIELD_TEXT, 0, 0, 0, "refresh_token: fewer scopes than the grant has."},
    {0},
};

struct response endpoint_token(struct request *request) {
    struct slice grant_type = params_get(&request->form, "grant_type");
    bool by_code = slice_is(grant_type, "authorization_code"), by_refresh = slice_is(grant_type, "refresh_token");
    fields_required(request);
    if (slice_is_set(grant_type) && !by_code && !by_refresh)
        return respond_error(request, ERROR_UNSUPPORTED_GRANT_TYPE);
    if (by_code && !slice_is_set(params_get(&request->form, "code")))
        request_invalid(request, "body", "code", -1, "missing", "code is required");
    if (by_code && !slice_is_set(params_get(&request->form, "redirect_uri")))
        request_invalid(request, "body", "redirect_uri", -1, "missing", "redirect_uri is required");
    if (by_refresh && !slice_is_set(params_get(&request->form, "refresh_token")))
        request_invalid(request, "body", "refresh_token", -1, "missing", "refresh_token is required");
    if (!slice_is_set(params_get(&request->form, "client_id")) && !slice_is_set(request->authorization))
        request_invalid(request, "body", "client_id", -1, "missing", "client_id is required");
    enum error error = request_validation(request);
    if (error)
        return respond_error(request, error);

    struct client client;
    if ((error = client_check(request, &client)))
        return respond_error(request, error);
    if (!client.is_named)
        return respond_error(request, fail(request, ERROR_INVALID_CLIENT, "Client authentication failed."));
    if (!client.app.active)
        return respond_error(request, fail(request, ERROR_INVALID_GRANT, "The app is switched off."));
    return by_code ? token_by_code(request, &client) : token_by_refresh(request, &client);
}
