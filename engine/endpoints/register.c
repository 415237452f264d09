/* /idp/register: clients that register themselves (RFC 7591), and look after what they registered (RFC 7592). */
#include "endpoints/endpoints.h"

#include "checks/app_rules.h"
#include "checks/caller.h"
#include "checks/quotas.h"
#include "checks/registration.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "policy/facts.h"
#include "registry/apps.h"
#include "registry/audit.h"
#include "registry/ceilings.h"
#include "registry/users.h"

enum { NAMES_TRIED_MAX = 20 };

/* Who owns the client: whoever calls, or for somebody who does not say who they are the user that the settings name. */
static enum error owner_find(struct request *request, struct user *owner, bool *is_anonymous) {
    struct caller caller;
    *is_anonymous = request->is_anonymous = !slice_is_set(request->authorization) && !slice_is_set(request->hotkey);
    if (!*is_anonymous) {
        enum error error = caller_check(request, &caller);
        *owner = caller.user;
        return error;
    }
    struct slice name = request->service->settings->registration_owner;
    enum error error = slice_is_set(name) ? user_find(request, name, owner) : ERROR_NOT_FOUND;
    if (error == ERROR_NOT_FOUND)
        return fail(request, ERROR_UNAUTHENTICATED, "Registration needs an API key or an access token here.");
    return error;
}

static enum error policy_check(struct request *request, const struct user *owner, bool is_anonymous,
                               const struct app *app) {
    struct value *facts = facts_of(request);
    if (!is_anonymous)
        facts_add_user(request->arena, facts, owner);
    facts_add_app(request->arena, facts, app);
    struct verdict verdict = policy_may_register_client(request->service->policy, request->arena, facts);
    audit_decision(request, facts);
    if (verdict.allowed)
        return ERROR_NONE;
    audit_refusal(request, is_anonymous ? NULL : owner, app, verdict.reason);
    return fail(request, ERROR_FORBIDDEN, "%.*s", SLICE_ARG(verdict.reason));
}

/* Names of apps are unique, names of clients are not: one that is taken gets a number. */
static enum error create(struct request *request, struct app *app, const struct user *owner, int64_t max,
                         struct slice *client_secret) {
    const struct app_act act = {owner, SLICE("registered")};
    struct slice name = app->name;
    enum error error = app_create(request, app, &act, max, client_secret);
    for (int i = 2; error == ERROR_CONFLICT && i < NAMES_TRIED_MAX; i++) {
        app->name = arena_printf(request->arena, "%.*s %d", SLICE_ARG(name), i);
        app->client_id = SLICE_NONE;
        error = app_create(request, app, &act, max, client_secret);
    }
    return error;
}

static struct slice token_make(struct request *request, struct app *app) {
    char secret[CLIENT_SECRET_LEN + 1];
    unsigned char *hash = arena_alloc(request->arena, SECRET_HASH_SIZE);
    client_secret_mint(secret);
    struct slice token = arena_printf(request->arena, "crg_%s", secret + strlen("csc_"));
    secret_hash(request->service->keyring, token, hash);
    secret_wipe(secret, sizeof(secret));
    app->metadata.registration_hash = (struct slice){(const char *)hash, SECRET_HASH_SIZE};
    return token;
}

struct response endpoint_register(struct request *request) {
    struct user owner;
    bool is_anonymous;
    struct app app;
    struct slice client_secret;
    enum error error = owner_find(request, &owner, &is_anonymous);
    if (error || (error = registration_read(request, NULL)) || (error = app_new_check(request, &owner, &app)) ||
        (error = policy_check(request, &owner, is_anonymous, &app)) ||
        (is_anonymous && (error = ceiling_check(request, CEILING_REGISTRATION))))
        return respond_error(request, registration_error(request, error));
    struct slice token = token_make(request, &app);
    struct quotas quotas = {.apps = INT64_MAX}; /* nobody's in particular: whether there may be any, the policy says */
    if ((!is_anonymous && (error = quotas_of(request, &owner, &quotas))) ||
        (error = create(request, &app, &owner, quotas.apps, &client_secret)))
        return respond_error(request, error);
    struct value *answer = registration_json(request, &app);
    if (slice_is_set(client_secret) && !slice_is(app.token_endpoint_auth_method, "private_key_jwt")) {
        value_set_text(request->arena, answer, "client_secret", client_secret);
        value_set_int(request->arena, answer, "client_secret_expires_at", 0);
    }
    value_set_text(request->arena, answer, "registration_access_token", token);
    struct response response = response_value(request, answer);
    response.status = 201;
    return response;
}

static struct response client_answer(struct request *request, const struct app *app) {
    struct value *answer = registration_json(request, app);
    value_set_text(request->arena, answer, "registration_access_token",
                   slice_from(request->authorization, request->authorization.len - REGISTRATION_TOKEN_LEN));
    return response_value(request, answer);
}

struct response endpoint_client_get(struct request *request) {
    struct app app;
    enum error error = registration_check(request, request->path_params[0], &app);
    return error ? respond_error(request, error) : client_answer(request, &app);
}

/* RFC 7592 §2.2: what only the server says may not be said; the client_id may, and must be the client's. */
static enum error replacement_check(struct request *request, const struct app *app) {
    static const char *const ours[] = {"registration_access_token", "registration_client_uri",
                                       "client_secret_expires_at", "client_id_issued_at"};
    const struct value *json = request->json;
    for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
        if (value_get(json, ours[i]))
            return fail(request, ERROR_INVALID_REQUEST, "%s is the server's to say.", ours[i]);
    struct slice secret = value_get_text(json, "client_secret");
    if (!slice_equal(value_get_text(json, "client_id"), app->client_id))
        return fail(request, ERROR_INVALID_REQUEST, "client_id must be the client's.");
    if (slice_is_set(secret) && !secret_matches(request->service->keyring, secret, app->secret_hash))
        return fail(request, ERROR_INVALID_REQUEST, "client_secret is not the client's; it cannot be chosen.");
    return ERROR_NONE;
}

struct response endpoint_client_replace(struct request *request) {
    struct app app;
    struct user owner;
    unsigned columns;
    enum error error = registration_check(request, request->path_params[0], &app);
    if (error || (error = replacement_check(request, &app)) ||
        (error = user_find_by_id_or_name(request, app.user_id, &owner)) || (error = registration_read(request, &app)) ||
        (error = app_change_check(request, &owner, &app, &columns)) ||
        (error = app_change(request, &app, &(struct app_act){&owner, SLICE("changed by itself")}, columns)))
        return respond_error(request, registration_error(request, error));
    return client_answer(request, &app);
}

struct response endpoint_client_delete(struct request *request) {
    struct app app;
    enum error error = registration_check(request, request->path_params[0], &app);
    if (error || (error = app_delete(request, &app, &(struct app_act){NULL, SLICE("deleted by itself")})))
        return respond_error(request, error);
    return (struct response){.status = 204};
}
