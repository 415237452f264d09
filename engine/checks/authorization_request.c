#include "checks/authorization_request.h"

#include "checks/client.h"
#include "checks/pkce.h"
#include "checks/redirect_uri.h"
#include "checks/scope.h"
#include "policy/facts.h"

#include <ctype.h>
#include <stdlib.h>

enum { STATE_LEN_MAX = 2048, NONCE_LEN_MAX = 512, MAX_AGE_DIGITS = 10 };

/* Who asks, and where answers may go. Nothing is redirected before both are known (RFC 9700 §4.11.2). */
static enum error target_check(struct request *request, const struct params *params,
                               struct authorization_request *asked) {
    const char *place = params == &request->form ? "body" : "query";
    struct slice client_id = params_get(params, "client_id");
    asked->redirect_uri = params_get(params, "redirect_uri");
    if (!slice_is_set(client_id))
        request_invalid(request, place, "client_id", -1, "missing", "client_id is required");
    if (!slice_is_set(asked->redirect_uri))
        request_invalid(request, place, "redirect_uri", -1, "missing", "redirect_uri is required");
    enum error error = request_validation(request);
    if (error)
        return error;
    error = client_find(request, client_id, &asked->app);
    if (error == ERROR_INVALID_CLIENT)
        return fail(request, ERROR_BAD_REQUEST, "No app has this client_id.");
    if (error)
        return error;
    if (!asked->app.active)
        return fail(request, ERROR_BAD_REQUEST, "This app is switched off.");
    if (!redirect_uri_is_registered(request->arena, &asked->app, asked->redirect_uri))
        return fail(request, ERROR_BAD_REQUEST, "The app has not registered this redirect_uri.");
    asked->may_redirect = true;
    return ERROR_NONE;
}

/* RFC 7636 §4.3; "plain" is refused (RFC 9700 §2.1.1). */
static enum error challenge_check(struct request *request, const struct params *params,
                                  struct authorization_request *asked) {
    struct slice challenge = params_get(params, "code_challenge");
    struct slice method = params_get(params, "code_challenge_method");
    if (!slice_is_set(challenge) && !slice_is_set(method))
        return ERROR_NONE;
    if (!slice_is_set(challenge))
        return fail(request, ERROR_INVALID_REQUEST, "code_challenge_method is given without code_challenge.");
    if (!slice_is(method, "S256"))
        return fail(request, ERROR_INVALID_REQUEST, "code_challenge_method must be S256.");
    if (!pkce_challenge_is_valid(challenge))
        return fail(request, ERROR_INVALID_REQUEST, "code_challenge is not 43 characters of base64url.");
    asked->code_challenge = challenge;
    return ERROR_NONE;
}

/* OpenID Connect Core §3.1.2.1. */
static enum error prompt_check(struct request *request, const struct params *params,
                               struct authorization_request *asked) {
    asked->prompt = params_get(params, "prompt");
    struct slice rest = asked->prompt;
    while (slice_is_set(rest)) {
        struct slice one = slice_cut(&rest, ' ');
        if (slice_is(one, "none"))
            asked->prompt_none = true;
        else if (slice_is(one, "login") || slice_is(one, "select_account"))
            asked->prompt_login = true;
        else if (slice_is(one, "consent"))
            asked->prompt_consent = true;
        else if (one.len)
            return fail(request, ERROR_INVALID_REQUEST, "prompt may be none, login, consent or select_account.");
    }
    if (asked->prompt_none && (asked->prompt_login || asked->prompt_consent))
        return fail(request, ERROR_INVALID_REQUEST, "prompt=none stands alone.");

    struct slice max_age = params_get(params, "max_age");
    asked->max_age_s = -1;
    if (!max_age.len)
        return ERROR_NONE;
    for (size_t i = 0; i < max_age.len; i++)
        if (!isdigit((unsigned char)max_age.at[i]) || max_age.len > MAX_AGE_DIGITS)
            return fail(request, ERROR_INVALID_REQUEST, "max_age must be a number of seconds.");
    asked->max_age_s = strtoll(arena_string(request->arena, max_age), NULL, 10);
    return ERROR_NONE;
}

enum error authorization_request_check(struct request *request, const struct params *params,
                                       struct authorization_request *asked) {
    *asked = (struct authorization_request){.max_age_s = -1};
    enum error error = target_check(request, params, asked);
    if (error)
        return error;
    asked->state = params_get(params, "state");
    if (asked->state.len > STATE_LEN_MAX) {
        asked->state = SLICE_NONE;
        return fail(request, ERROR_INVALID_REQUEST, "state is longer than %d characters.", STATE_LEN_MAX);
    }
    /* The login form is ours: it does not repeat what only has one value. */
    struct slice response_type = params_get(params, "response_type");
    if (params == &request->query || slice_is_set(response_type)) {
        if (!slice_is_set(response_type))
            return fail(request, ERROR_INVALID_REQUEST, "response_type is required.");
        if (!slice_is(response_type, "code"))
            return fail(request, ERROR_UNSUPPORTED_RESPONSE_TYPE, NULL);
    }
    if ((error = challenge_check(request, params, asked)) || (error = prompt_check(request, params, asked)))
        return error;
    /* In the login form `nonce` is the wallet's. */
    asked->nonce = params_get(params, params == &request->query ? "nonce" : "oidc_nonce");
    if (asked->nonce.len > NONCE_LEN_MAX)
        return fail(request, ERROR_INVALID_REQUEST, "nonce is longer than %d characters.", NONCE_LEN_MAX);
    return scope_check(request, params_get(params, "scope"), &asked->scopes);
}

static struct response redirect(struct request *request, const struct authorization_request *asked,
                                struct redirect_param *params, size_t count) {
    params[count++] = (struct redirect_param){"state", asked->state};
    params[count++] = (struct redirect_param){"iss", request->service->settings->issuer};
    bool is_post = slice_is(request->method, "POST");
    return response_redirect(is_post ? 303 : 302, redirect_build(request->arena, asked->redirect_uri, params, count));
}

struct response authorization_error(struct request *request, const struct authorization_request *asked,
                                    enum error error) {
    if (!asked->may_redirect)
        return respond_error(request, error);
    const struct error_kind *kind = error_kind(error);
    request->error = error; /* for the log: the answer itself is a redirect */
    struct slice text = slice_is_set(request->error_text) ? request->error_text : slice_of(kind->text);
    struct redirect_param params[4] = {{"error", slice_of(kind->oauth_code)}, {"error_description", text}};
    return redirect(request, asked, params, 2);
}

struct response authorization_success(struct request *request, const struct authorization_request *asked,
                                      struct slice code) {
    struct redirect_param params[3] = {{"code", code}};
    return redirect(request, asked, params, 1);
}

struct value *authorization_facts(struct request *request, const struct authorization_request *asked,
                                  const struct user *user, const struct value *previous) {
    struct arena *arena = request->arena;
    struct value *facts = facts_of(request);
    facts_add_user(arena, facts, user);
    facts_add_app(arena, facts, &asked->app);
    value_set_value(facts, "requested", value_copy(arena, asked->scopes));
    if (previous)
        value_set_value(facts, "previous", value_copy(arena, previous));
    value_set_text(arena, facts, "prompt", asked->prompt);
    value_set_text(arena, facts, "redirect_uri", asked->redirect_uri);
    value_set_text(arena, facts, "grant_type", SLICE("authorization_code"));
    return facts;
}
