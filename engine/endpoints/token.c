/* POST /idp/token (RFC 6749 §3.2): who is the client, and which grant. */
#include "endpoints/endpoints.h"
#include "endpoints/token_family.h"

#include "checks/fields.h"

#include <assert.h>

const struct field token_fields[] = {
    {"grant_type", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "One that the app has registered."},
    CLIENT_FIELDS,
    {"code", FIELD_TEXT, 0, 0, 0, "authorization_code: the code."},
    {"redirect_uri", FIELD_TEXT, 0, 0, 0, "authorization_code: the same as in the authorization request."},
    {"code_verifier", FIELD_TEXT, 0, 0, 0, "authorization_code: when a code_challenge was sent (RFC 7636)."},
    {"refresh_token", FIELD_TEXT, 0, 0, 0, "refresh_token: the token; it is rotated."},
    {"scope", FIELD_TEXT, 0, 0, 0, "Fewer scopes than the grant or token has; client_credentials: any."},
    {"resource", FIELD_TEXT, 0, 0, 0, "What the token is for (RFC 8707); may come several times."},
    {"device_code", FIELD_TEXT, 0, 0, 0, "device_code: of /idp/device_authorization (RFC 8628)."},
    {"subject_token", FIELD_TEXT, 0, 0, 0, "token-exchange: an access token (RFC 8693)."},
    {"subject_token_type", FIELD_TEXT, 0, 0, 0, "token-exchange: urn:ietf:params:oauth:token-type:access_token."},
    {"requested_token_type", FIELD_TEXT, 0, 0, 0, "token-exchange: the same, or left out."},
    {"actor_token", FIELD_TEXT, 0, 0, 0, "token-exchange: is refused; the client is the actor."},
    {0},
};

/* What each grant type takes, beside the client's credentials. */
static const struct grant_kind {
    const char *name;
    struct response (*run)(struct request *request, const struct token_caller *caller);
    const char *required[2];
} kinds[] = {
    {"authorization_code", token_by_code, {"code", "redirect_uri"}},
    {"refresh_token", token_by_refresh, {"refresh_token", NULL}},
    {"client_credentials", token_by_client, {NULL, NULL}},
    {GRANT_DEVICE_CODE, token_by_device, {"device_code", NULL}},
    {GRANT_TOKEN_EXCHANGE, token_by_exchange, {"subject_token", "subject_token_type"}},
};

static const struct grant_kind *kind_of(struct slice grant_type) {
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (slice_is(grant_type, kinds[i].name))
            return &kinds[i];
    return NULL;
}

static enum error fields_check_of(struct request *request, const struct grant_kind *kind) {
    fields_required(request);
    for (size_t i = 0; kind && i < sizeof(kind->required) / sizeof(*kind->required); i++)
        if (kind->required[i] && !slice_is_set(params_get(&request->form, kind->required[i])))
            request_invalid(request, "body", kind->required[i], -1, "missing", "%s is required", kind->required[i]);
    if (!slice_is_set(params_get(&request->form, "client_id")) && !slice_is_set(request->authorization) &&
        !slice_is_set(params_get(&request->form, "client_assertion")))
        request_invalid(request, "body", "client_id", -1, "missing", "client_id is required");
    return request_validation(request);
}

static enum error caller_read(struct request *request, const struct grant_kind *kind, struct token_caller *caller) {
    struct client *client = &caller->client;
    enum error error = client_check(request, client);
    if (error)
        return error;
    if (!client->is_named)
        return fail(request, ERROR_INVALID_CLIENT, "Client authentication failed.");
    if (!client->app.active)
        return fail(request, ERROR_APP_IS_OFF, NULL);
    if (!names_hold(client->app.metadata.grant_types, slice_of(kind->name)))
        return fail(request, ERROR_UNAUTHORIZED_CLIENT, "The app has not registered this grant type.");
    if ((error = dpop_check(request, SLICE_NONE, &caller->proof)))
        return error;
    if (client->app.metadata.dpop_bound_access_tokens && !slice_is_set(caller->proof.jkt))
        return fail(request, ERROR_INVALID_DPOP_PROOF, "This client has to send a DPoP proof.");
    return ERROR_NONE;
}

struct response endpoint_token(struct request *request) {
    struct slice grant_type = params_get(&request->form, "grant_type");
    const struct grant_kind *kind = kind_of(grant_type);
    if (slice_is_set(grant_type) && !kind)
        return respond_error(request, ERROR_UNSUPPORTED_GRANT_TYPE);
    enum error error = fields_check_of(request, kind);
    if (error)
        return respond_error(request, error);
    assert(kind); /* grant_type is required, and one of the kinds */
    struct token_caller caller = {.grant_type = kind->name};
    if ((error = caller_read(request, kind, &caller)))
        return respond_error(request, error);
    return kind->run(request, &caller);
}
