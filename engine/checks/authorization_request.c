#include "checks/authorization_request.h"

#include "base/json.h"
#include "checks/client.h"
#include "checks/id_token_hint.h"
#include "checks/pkce.h"
#include "checks/pushed_request.h"
#include "checks/redirect_uri.h"
#include "checks/resource.h"
#include "checks/scope.h"

#include <ctype.h>
#include <stdlib.h>

enum { PARAMS_LEN_MAX = 6144, STATE_LEN_MAX = 2048, NONCE_LEN_MAX = 512, CLAIMS_LEN_MAX = 2048, MAX_AGE_DIGITS = 10 };

const char *const authorization_parameters[] = {
    "client_id",     "redirect_uri", "response_type", "response_mode", "scope",      "state",
    "nonce",         "prompt",       "max_age",       "login_hint",    "ui_locales", "code_challenge",
    "claims",        "acr_values",   "dpop_jkt",      "resource",      "display",    "code_challenge_method",
    "id_token_hint", NULL,
};

static bool is_parameter(struct slice name) {
    for (const char *const *known = authorization_parameters; *known; known++)
        if (slice_is(name, *known))
            return true;
    return false;
}

struct params authorization_params(struct arena *arena, const struct params *from) {
    struct params params = {.list = arena_alloc(arena, (from->count + 1) * sizeof(*params.list))};
    for (size_t i = 0; i < from->count; i++)
        if (is_parameter(from->list[i].name) && from->list[i].value.len)
            params.list[params.count++] = from->list[i];
    return params;
}

static enum error redirect_check(struct request *request, const struct authorization_request *asked) {
    if (!asked->app.active)
        return fail(request, ERROR_APP_IS_OFF, NULL);
    if (!redirect_uri_is_registered(request->arena, &asked->app, asked->redirect_uri))
        return fail(request, ERROR_BAD_REQUEST, "The app has not registered this redirect_uri.");
    return ERROR_NONE;
}

/* Who asks, and where answers may go. Nothing is redirected before both are known (RFC 9700 §4.11.2). */
static enum error target_check(struct request *request, const char *place, struct authorization_request *asked) {
    const struct params *params = &asked->params;
    struct slice client_id = params_get(params, "client_id");
    asked->redirect_uri = request->about.redirect_uri = params_get(params, "redirect_uri");
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
    error = redirect_check(request, asked);
    if (error && !(error = client_renew(request, &asked->app, error)))
        error = redirect_check(request, asked);
    asked->may_redirect = !error;
    return error;
}

/* RFC 7636 §4.3; "plain" is refused (RFC 9700 §2.1.1). A client that has no secret cannot redeem a code without
 * (§4.4.1). */
static enum error challenge_check(struct request *request, struct authorization_request *asked) {
    struct slice challenge = params_get(&asked->params, "code_challenge");
    struct slice method = params_get(&asked->params, "code_challenge_method");
    if (!slice_is_set(challenge) && !slice_is_set(method)) {
        if (slice_is(asked->app.token_endpoint_auth_method, "none"))
            return fail(request, ERROR_INVALID_REQUEST, "code challenge required: this client has no secret.");
        return ERROR_NONE;
    }
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
static enum error prompt_check(struct request *request, struct authorization_request *asked) {
    asked->prompt = params_get(&asked->params, "prompt");
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

    struct slice max_age = params_get(&asked->params, "max_age");
    asked->max_age_s = -1;
    if (!max_age.len)
        return ERROR_NONE;
    for (size_t i = 0; i < max_age.len; i++)
        if (!isdigit((unsigned char)max_age.at[i]) || max_age.len > MAX_AGE_DIGITS)
            return fail(request, ERROR_INVALID_REQUEST, "max_age must be a number of seconds.");
    asked->max_age_s = strtoll(arena_string(request->arena, max_age), NULL, 10);
    return ERROR_NONE;
}

/* Members of one of the two: null, or { essential, value, values }. */
static bool claims_are_valid(const struct value *claims) {
    if (!claims)
        return true;
    if (claims->kind != VALUE_MAP)
        return false;
    for (const struct value *claim = claims->first; claim; claim = claim->next)
        if (claim->kind != VALUE_NULL && claim->kind != VALUE_MAP)
            return false;
    return true;
}

/* OpenID Connect Core §5.5: what of it decides about the sign-in. That a user is asked for by `sub` binds; an essential
 * `acr` of named values cannot be met, for none is told (§5.5.1.1). */
static enum error claims_check(struct request *request, struct authorization_request *asked) {
    asked->claims = params_get(&asked->params, "claims");
    if (!slice_is_set(asked->claims))
        return ERROR_NONE;
    const struct value *claims =
        asked->claims.len <= CLAIMS_LEN_MAX ? json_parse(request->arena, asked->claims, NULL) : NULL;
    const struct value *id_token = value_get(claims, "id_token");
    if (!claims || claims->kind != VALUE_MAP || !claims_are_valid(id_token) ||
        !claims_are_valid(value_get(claims, "userinfo")))
        return fail(request, ERROR_INVALID_REQUEST,
                    "claims must be a JSON object with userinfo and id_token, of at most %d characters.",
                    CLAIMS_LEN_MAX);
    asked->subject = value_get_text(value_get(id_token, "sub"), "value");
    const struct value *acr = value_get(id_token, "acr"), *essential = value_get(acr, "essential");
    if (essential && essential->kind == VALUE_BOOL && essential->boolean &&
        (value_get(acr, "value") || value_get(acr, "values")))
        return fail(request, ERROR_UNMET_AUTHENTICATION, NULL);
    return ERROR_NONE;
}

static enum error response_check(struct request *request, struct authorization_request *asked) {
    struct slice type = params_get(&asked->params, "response_type"), mode = params_get(&asked->params, "response_mode");
    if (slice_is_set(mode) && !slice_is(mode, "query") && !slice_is(mode, "form_post"))
        return fail(request, ERROR_INVALID_REQUEST, "response_mode may be query or form_post.");
    asked->is_form_post = slice_is(mode, "form_post");
    if (!slice_is_set(type))
        return fail(request, ERROR_INVALID_REQUEST, "response_type is required.");
    return slice_is(type, "code") ? ERROR_NONE : fail(request, ERROR_UNSUPPORTED_RESPONSE_TYPE, NULL);
}

static enum error nonce_check(struct request *request, struct authorization_request *asked) {
    asked->nonce = params_get(&asked->params, "nonce");
    if (asked->nonce.len > NONCE_LEN_MAX)
        return fail(request, ERROR_INVALID_REQUEST, "nonce is longer than %d characters.", NONCE_LEN_MAX);
    asked->dpop_jkt = params_get(&asked->params, "dpop_jkt"); /* RFC 9449 §10; of the same form as a challenge */
    if (slice_is_set(asked->dpop_jkt) && !pkce_challenge_is_valid(asked->dpop_jkt))
        return fail(request, ERROR_INVALID_REQUEST, "dpop_jkt is not a JWK thumbprint.");
    return ERROR_NONE;
}

/* Our own login page knows whom an app that is signed in already speaks of. */
static enum error hint_check(struct request *request, struct authorization_request *asked) {
    struct slice hint = params_get(&asked->params, "id_token_hint");
    struct id_token_hint token;
    if (!slice_is_set(hint))
        return ERROR_NONE;
    if (!id_token_hint_read(request, hint, &token) || !slice_equal(token.client_id, asked->app.client_id))
        return fail(request, ERROR_INVALID_REQUEST, "id_token_hint is not an id_token that this app got here.");
    if (!slice_is_set(asked->subject))
        asked->subject = token.user_id;
    return ERROR_NONE;
}

static enum error length_check(struct request *request, struct authorization_request *asked) {
    size_t total = 0;
    for (size_t i = 0; i < asked->params.count; i++)
        if (!slice_is(asked->params.list[i].name, "id_token_hint")) /* which is not carried along */
            total += asked->params.list[i].name.len + asked->params.list[i].value.len;
    if (total > PARAMS_LEN_MAX)
        return fail(request, ERROR_INVALID_REQUEST, "The request is longer than %d characters.", PARAMS_LEN_MAX);
    return ERROR_NONE;
}

enum error authorization_params_check(struct request *request, const struct params *params, const char *place,
                                      struct authorization_request *asked) {
    *asked = (struct authorization_request){
        .max_age_s = -1, .resources = SLICE(""), .params = authorization_params(request->arena, params)};
    enum error error = target_check(request, place, asked);
    if (error)
        return error;
    request->ui_locales = params_get(&asked->params, "ui_locales");
    asked->state = params_get(&asked->params, "state");
    if (asked->state.len > STATE_LEN_MAX) {
        asked->state = SLICE_NONE;
        return fail(request, ERROR_INVALID_REQUEST, "state is longer than %d characters.", STATE_LEN_MAX);
    }
    /* Not understood: rather than to be taken for something else (OpenID Connect Core §6, RFC 9126 §2.1). */
    if (slice_is_set(params_get(params, "request")))
        return fail(request, ERROR_REQUEST_NOT_SUPPORTED, NULL);
    if ((error = length_check(request, asked)) || (error = response_check(request, asked)) ||
        (error = challenge_check(request, asked)) || (error = prompt_check(request, asked)) ||
        (error = nonce_check(request, asked)) || (error = claims_check(request, asked)) ||
        (error = hint_check(request, asked)) ||
        (error = resource_check(request, &asked->params, &asked->app, &asked->resources)))
        return error;
    return scope_check(request, params_get(&asked->params, "scope"), &asked->scopes);
}

/* What came by the browser: a request, or the request_uri of one that was pushed. */
static enum error request_check(struct request *request, const struct params *params, const char *place,
                                struct authorization_request *asked) {
    struct slice uri = params_get(params, "request_uri");
    if (!slice_is_set(uri)) {
        enum error error = authorization_params_check(request, params, place, asked);
        if (asked->may_redirect && asked->app.metadata.require_pushed_authorization_requests)
            return fail(request, ERROR_INVALID_REQUEST, "This app has to push its requests (RFC 9126).");
        return error;
    }
    *asked = (struct authorization_request){.max_age_s = -1};
    struct pushed_request pushed;
    enum error error = pushed_request_open(request, uri, &pushed);
    if (error)
        return error;
    if (!slice_equal(params_get(params, "client_id"), params_get(&pushed.params, "client_id")))
        return fail(request, ERROR_BAD_REQUEST, "The request_uri was made for another client.");
    error = authorization_params_check(request, &pushed.params, place, asked);
    asked->pushed_id = pushed.id;
    asked->pushed_until_s = pushed.until_s;
    return error;
}

enum error authorization_query_check(struct request *request, struct authorization_request *asked) {
    return request_check(request, &request->query, "query", asked);
}

enum error authorization_login_check(struct request *request, struct authorization_request *asked) {
    const struct params *form = &request->form;
    struct params params = {.list = arena_alloc(request->arena, (form->count + 1) * sizeof(*params.list))};
    params.list[params.count++] = (struct param){SLICE("response_type"), SLICE("code")};
    for (size_t i = 0; i < form->count; i++) {
        struct param param = form->list[i];
        if (slice_is(param.name, "nonce") || slice_is(param.name, "response_type"))
            continue;
        if (slice_is(param.name, "oidc_nonce"))
            param.name = SLICE("nonce");
        params.list[params.count++] = param;
    }
    return request_check(request, &params, "body", asked);
}

enum error authorization_subject_check(struct request *request, const struct authorization_request *asked,
                                       const struct user *user) {
    if (!slice_is_set(asked->subject) || slice_equal(asked->subject, user->user_id))
        return ERROR_NONE;
    return fail(request, ERROR_LOGIN_REQUIRED, "The app asks for another user than the one who is signed in.");
}
