/* GET, POST /idp/login: signing in for a page of our own; the form of every login page. */
#include "endpoints/consent_step.h"
#include "endpoints/endpoints.h"

#include "checks/csrf.h"
#include "checks/device_request.h"
#include "checks/fields.h"
#include "checks/page_session.h"
#include "checks/pushed_request.h"
#include "checks/redirect_uri.h"
#include "checks/sign_in.h"

const struct field login_query_fields[] = {
    {"return_to", FIELD_TEXT, 0, 0, 0, "Path of a page under /account or /admin; /account when left out."},
    {"prompt", FIELD_TEXT, 0, 0, 0, "login: even if somebody is signed in."},
    {0},
};

const struct field login_fields[] = {
    {"client_id", FIELD_TEXT, 0, 0, 0,
     "As in the authorization request, which goes along. Required without user_code and return_to."},
    {"redirect_uri", FIELD_TEXT, 0, 0, 0, "Required, unless there is a request_uri."},
    {"request_uri", FIELD_TEXT, 0, 0, 0, "Of a request that was pushed."},
    {"state", FIELD_TEXT, 0, 0, 0, NULL},
    {"scope", FIELD_TEXT, 0, 0, 0, NULL},
    {"code_challenge", FIELD_TEXT, 0, 0, 0, NULL},
    {"code_challenge_method", FIELD_TEXT, 0, 0, 0, NULL},
    {"oidc_nonce", FIELD_TEXT, 0, 0, 0, "The authorization request's nonce."},
    {"prompt", FIELD_TEXT, 0, 0, 0, NULL},
    {"max_age", FIELD_TEXT, 0, 0, 0, NULL},
    {"response_mode", FIELD_TEXT, 0, 0, 0, NULL},
    {"ui_locales", FIELD_TEXT, 0, 0, 0, NULL},
    {"claims", FIELD_TEXT, 0, 0, 0, NULL},
    {"resource", FIELD_TEXT, 0, 0, 0, NULL},
    {"dpop_jkt", FIELD_TEXT, 0, 0, 0, NULL},
    {"user_code", FIELD_TEXT, 0, 0, 0, "In place of all that: of a device (RFC 8628)."},
    {"return_to", FIELD_TEXT, 0, 0, 0, "Or that: a page of our own."},
    {"auth_method", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "fingerprint or hotkey."},
    {"fingerprint", FIELD_TEXT, 0, 0, 0, "For fingerprint."},
    {"hotkey", FIELD_TEXT, 0, 0, 0, "For hotkey: SS58 address."},
    {"signature", FIELD_TEXT, 0, 0, 0, "For hotkey: over the nonce; hex."},
    {"nonce", FIELD_TEXT, 0, 0, 0, "For hotkey: the page's."},
    {0},
};

static void add_field(struct request *request, struct value *fields, const char *name, struct slice value) {
    if (!slice_is_set(value))
        return;
    struct value *field = value_map(request->arena);
    value_set_text(request->arena, field, "name", slice_of(name));
    value_set_text(request->arena, field, "value", value);
    value_append(fields, field);
}

/* The authorization request goes along in hidden fields: nothing is stored before a proof. One that was pushed stays
 * sealed, under its id, for as long as the page may be looked at. */
static struct value *fields_of(struct request *request, const struct authorization_request *asked) {
    struct value *fields = value_list(request->arena);
    if (slice_is_set(asked->pushed_id)) {
        const struct pushed_request pushed = {asked->pushed_id, asked->pushed_until_s, asked->params};
        add_field(request, fields, "client_id", asked->app.client_id);
        add_field(request, fields, "request_uri", pushed_request_renew(request, &pushed));
        return fields;
    }
    for (size_t i = 0; i < asked->params.count; i++) {
        const struct param *param = &asked->params.list[i];
        bool is_nonce = slice_is(param->name, "nonce"); /* in this form that is the wallet's */
        if (!slice_is(param->name, "id_token_hint"))
            add_field(request, fields, is_nonce ? "oidc_nonce" : param->name.at, param->value);
    }
    return fields;
}

/* What every login page has. */
static struct value *login_context(struct request *request, struct slice error) {
    struct arena *arena = request->arena;
    struct value *context = value_map(arena), *methods = value_map(arena);
    struct slice nonce = wallet_nonce(request);
    value_set_text(arena, context, "error", error);
    const struct value *offered = policy_login_methods(request->service->policy);
    for (const struct value *method = offered->first; method; method = method->next)
        value_set(methods, method->text, value_bool(arena, true));
    value_set_value(context, "methods", methods);
    value_set_text(arena, context, "nonce", nonce);
    value_set_text(arena, context, "message", nonce);
    return context;
}

struct response login_page(struct request *request, const struct authorization_request *asked, int status,
                           struct slice error) {
    struct arena *arena = request->arena;
    struct value *context = login_context(request, error);
    page_add_app(request, context, &asked->app);
    value_set_text(arena, context, "title", page_title(request, "Sign in to", &asked->app));
    struct slice hint = params_get(&asked->params, "login_hint");
    value_set_text(arena, context, "hotkey", slice_starts(hint, "5") ? hint : SLICE_NONE);
    value_set_value(context, "fields", fields_of(request, asked));
    return response_page(request, status, "login", context, uri_origin(arena, asked->redirect_uri));
}

struct response device_login_page(struct request *request, struct slice user_code, int status, struct slice error) {
    struct value *context = login_context(request, error), *fields = value_list(request->arena);
    value_set_text(request->arena, context, "title", SLICE("Sign in to connect a device"));
    add_field(request, fields, "user_code", user_code);
    value_set_value(context, "fields", fields);
    return response_page(request, status, "login", context, SLICE_NONE);
}

static enum error sign_in(struct request *request, struct session *session, struct slice *cookie) {
    const struct params *form = &request->form;
    struct slice method = params_get(form, "auth_method"), fingerprint = params_get(form, "fingerprint");
    struct wallet_proof proof = {params_get(form, "hotkey"), params_get(form, "signature"), params_get(form, "nonce")};
    bool by_hotkey = slice_is(method, "hotkey"), by_fingerprint = slice_is(method, "fingerprint");
    fields_required(request);
    if (slice_is_set(method) && !by_hotkey && !by_fingerprint)
        request_invalid(request, "body", "auth_method", -1, "string_pattern", "auth_method is fingerprint or hotkey");
    if (by_fingerprint && !slice_is_set(fingerprint))
        request_invalid(request, "body", "fingerprint", -1, "missing", "fingerprint is required");
    if (by_hotkey && !slice_is_set(proof.hotkey))
        request_invalid(request, "body", "hotkey", -1, "missing", "hotkey is required");
    if (by_hotkey && !slice_is_set(proof.signature))
        request_invalid(request, "body", "signature", -1, "missing", "signature is required");
    if (by_hotkey && !slice_is_set(proof.nonce))
        request_invalid(request, "body", "nonce", -1, "missing", "nonce is required");
    enum error error = request_validation(request);
    if (error)
        return error;
    return by_hotkey ? wallet_sign_in(request, &proof, session, cookie)
                     : fingerprint_sign_in(request, fingerprint, session, cookie);
}

static struct response own_login_page(struct request *request, struct slice return_to, int status, struct slice error) {
    struct value *context = login_context(request, error), *fields = value_list(request->arena);
    value_set_text(request->arena, context, "title", SLICE("Sign in to your account"));
    value_set_bool(request->arena, context, "is_own", true);
    add_field(request, fields, "return_to", return_to);
    value_set_value(context, "fields", fields);
    return response_page(request, status, "login", context, SLICE_NONE);
}

static struct response own_page(struct request *request, int status, struct slice path) {
    return response_redirect(status, arena_printf(request->arena, "%.*s%.*s",
                                                  SLICE_ARG(request->service->settings->issuer), SLICE_ARG(path)));
}

static enum error return_to_check(struct request *request, struct slice return_to) {
    if (own_page_is_valid(return_to))
        return ERROR_NONE;
    return fail(request, ERROR_BAD_REQUEST, "return_to is not a page of this server.");
}

struct response endpoint_login_page(struct request *request) {
    struct slice return_to = params_get(&request->query, "return_to");
    struct session session;
    if (!slice_is_set(return_to))
        return_to = SLICE("/account");
    enum error error = return_to_check(request, return_to);
    if (error)
        return respond_error(request, error);
    error = session_from_cookie(request, &session);
    if (error && error != ERROR_UNAUTHENTICATED)
        return respond_error(request, error);
    if (!error && !slice_is(params_get(&request->query, "prompt"), "login"))
        return own_page(request, 302, return_to);
    return own_login_page(request, return_to, 200, SLICE_NONE);
}

/* What the form is for: an app's authorization request; or user_code, a device; or return_to, a page of our own. */
struct errand {
    struct authorization_request asked;
    struct slice user_code, return_to;
};

static enum error errand_read(struct request *request, struct errand *errand) {
    const struct params *form = &request->form;
    bool has_client = slice_is_set(params_get(form, "client_id"));
    errand->user_code = has_client ? SLICE_NONE : user_code_read(request->arena, params_get(form, "user_code"));
    errand->return_to = has_client || slice_is_set(errand->user_code) ? SLICE_NONE : params_get(form, "return_to");
    if (slice_is_set(errand->return_to))
        return return_to_check(request, errand->return_to);
    return slice_is_set(errand->user_code) ? ERROR_NONE : authorization_login_check(request, &errand->asked);
}

static bool is_of_app(const struct errand *errand) {
    return !slice_is_set(errand->user_code) && !slice_is_set(errand->return_to);
}

static struct response errand_page(struct request *request, const struct errand *errand, int status,
                                   struct slice error) {
    if (slice_is_set(errand->user_code))
        return device_login_page(request, errand->user_code, status, error);
    if (slice_is_set(errand->return_to))
        return own_login_page(request, errand->return_to, status, error);
    return login_page(request, &errand->asked, status, error);
}

static struct response errand_go_on(struct request *request, struct errand *errand, const struct session *session) {
    if (slice_is_set(errand->user_code))
        return response_redirect(303, device_url(request, errand->user_code));
    if (slice_is_set(errand->return_to))
        return own_page(request, 303, errand->return_to);
    return consent_step(request, &errand->asked, session);
}

struct response endpoint_login(struct request *request) {
    enum error error = csrf_check(request);
    if (error)
        return respond_error(request, error);
    struct errand *errand = arena_zalloc(request->arena, sizeof(*errand));
    if ((error = errand_read(request, errand)))
        return is_of_app(errand) ? authorization_error(request, &errand->asked, error) : respond_error(request, error);

    struct session session;
    struct slice cookie;
    error = sign_in(request, &session, &cookie);
    if (error == ERROR_VALIDATION || error == ERROR_STORE_UNAVAILABLE)
        return respond_error(request, error);
    if (error) { /* the person may try again, with a fresh nonce */
        int status = error == ERROR_TOO_MANY_REQUESTS ? 429 : 401;
        request->error = error;
        struct response page = errand_page(request, errand, status, request->error_text);
        if (status == 429)
            response_header(&page, "retry-after",
                            arena_printf(request->arena, "%lld", (long long)request->retry_after_s));
        return page;
    }
    struct response response = errand_go_on(request, errand, &session);
    response_cookie(request, &response, SESSION_COOKIE, cookie, request->service->settings->session_s);
    return response;
}
