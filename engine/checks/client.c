#include "checks/client.h"

#include "checks/authorization_header.h"
#include "checks/client_assertion.h"
#include "crypto/secret.h"

enum error client_find(struct request *request, struct slice client_id, struct app *app) {
    request->about.client_id = client_id;
    if (!slice_starts(client_id, "cid_"))
        return fail(request, ERROR_INVALID_CLIENT, "There is no such client.");
    struct rows *rows = db_find(request->service->db, request->arena, STATEMENT_app_by_client_id, client_id);
    if (!rows)
        return ERROR_STORE_UNAVAILABLE;
    if (rows->count == 0)
        return fail(request, ERROR_INVALID_CLIENT, "There is no such client.");
    *app = app_from(rows, 0);
    request->about.app_id = app->app_id;
    return ERROR_NONE;
}

/* In what somebody is refused for. */
static bool is_another(const struct app *a, const struct app *b) {
    const struct slice pairs[][2] = {
        {a->secret_hash, b->secret_hash},
        {a->token_endpoint_auth_method, b->token_endpoint_auth_method},
        {a->redirect_uris, b->redirect_uris},
        {a->metadata.jwks, b->metadata.jwks},
        {a->metadata.jwks_uri, b->metadata.jwks_uri},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
        if (slice_is_set(pairs[i][0]) != slice_is_set(pairs[i][1]) || !slice_equal(pairs[i][0], pairs[i][1]))
            return true;
    return a->active != b->active;
}

enum error client_renew(struct request *request, struct app *app, enum error refusal) {
    if (!app->is_remembered)
        return refusal;
    struct rows *rows = db_find_again(request->service->db, request->arena, STATEMENT_app_by_client_id, app->client_id);
    if (!rows)
        return fail(request, ERROR_STORE_UNAVAILABLE, NULL);
    if (rows->count == 0)
        return refusal;
    struct app before = *app;
    *app = app_from(rows, 0);
    return is_another(&before, app) ? ERROR_NONE : refusal;
}

/* What was presented, and by which RFC 7591 method. */
struct presented {
    struct slice id, secret;
    struct jws assertion;
    const char *method;
};

static enum error assertion_read(struct request *request, struct presented *presented) {
    struct slice form_id = params_get(&request->form, "client_id");
    presented->method = "private_key_jwt";
    if (slice_is_set(params_get(&request->form, "client_secret")) || basic_is_tried(request->authorization))
        return fail(request, ERROR_INVALID_REQUEST, "Use one way to authenticate the client, not two.");
    enum error error = client_assertion_read(request, &presented->assertion, &presented->id);
    if (!error && slice_is_set(form_id) && !slice_equal(form_id, presented->id))
        return fail(request, ERROR_INVALID_CLIENT, "client_id differs from the client_assertion's.");
    return error;
}

static enum error presented_read(struct request *request, struct presented *presented) {
    struct slice form_id = params_get(&request->form, "client_id");
    struct slice form_secret = params_get(&request->form, "client_secret");
    *presented = (struct presented){0};
    if (slice_is_set(params_get(&request->form, "client_assertion")))
        return assertion_read(request, presented);
    if (!basic_is_tried(request->authorization)) {
        bool has_secret = slice_is_set(form_secret);
        *presented = (struct presented){
            .id = form_id, .secret = form_secret, .method = has_secret ? "client_secret_post" : "none"};
        if (has_secret && !slice_is_set(form_id))
            return fail(request, ERROR_INVALID_REQUEST, "client_secret is given without client_id.");
        return ERROR_NONE;
    }
    presented->method = "client_secret_basic";
    if (!basic_credentials(request->arena, request->authorization, &presented->id, &presented->secret))
        return fail(request, ERROR_INVALID_CLIENT, "The Basic credentials are malformed.");
    if (slice_is_set(form_secret))
        return fail(request, ERROR_INVALID_REQUEST, "Use one way to authenticate the client, not two.");
    if (slice_is_set(form_id) && !slice_equal(form_id, presented->id))
        return fail(request, ERROR_INVALID_REQUEST, "client_id differs from the Basic credentials.");
    return ERROR_NONE;
}

static enum error client_prove(struct request *request, const struct presented *presented, struct client *client) {
    if (slice_is_set(presented->secret)) {
        if (!secret_matches(request->service->keyring, presented->secret, client->app.secret_hash))
            return fail(request, ERROR_INVALID_CLIENT, "Client authentication failed.");
        client->is_authenticated = true;
    }
    struct slice required = client->app.token_endpoint_auth_method;
    if (slice_is_set(required) && !slice_is(required, presented->method))
        return fail(request, ERROR_INVALID_CLIENT, "This client has to authenticate with %.*s.", SLICE_ARG(required));
    if (!slice_is(slice_of(presented->method), "private_key_jwt"))
        return ERROR_NONE;
    client->is_authenticated = true; /* or it is refused */
    return client_assertion_check(request, &client->app, &presented->assertion);
}

enum error client_check(struct request *request, struct client *client) {
    *client = (struct client){0};
    struct presented presented;
    enum error error = presented_read(request, &presented);
    if (error || !slice_is_set(presented.id))
        return error;
    if ((error = client_find(request, presented.id, &client->app)))
        return error == ERROR_INVALID_CLIENT ? fail(request, error, "Client authentication failed.") : error;
    client->is_named = true;
    error = client_prove(request, &presented, client);
    if (error == ERROR_INVALID_CLIENT && !(error = client_renew(request, &client->app, error)))
        error = client_prove(request, &presented, client);
    return error;
}
