/* POST /idp/token (RFC 6749 §3.2): who is the client, and which grant. */
#include "endpoints/endpoints.h"
#include "endpoints/token_family.h"

struct response endpoint_token(struct request *request) {
    struct slice grant_type = params_get(&request->form, "grant_type");
    bool by_code = slice_is(grant_type, "authorization_code"), by_refresh = slice_is(grant_type, "refresh_token");
    if (!slice_is_set(grant_type))
        request_invalid(request, "body", "grant_type", -1, "missing", "grant_type is required");
    else if (!by_code && !by_refresh)
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
