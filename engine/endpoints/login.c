/* POST /idp/login: the login page's form. */
#include "endpoints/consent_step.h"
#include "endpoints/endpoints.h"

#include "checks/csrf.h"
#include "checks/device_request.h"
#include "checks/fields.h"
#include "checks/pushed_request.h"
#include "checks/redirect_uri.h"
#include "checks/sign_in.h"

const struct field login_fields[] = {
    {"client_id", FIELD_TEXT, 0, 0, 0,
     "As in the authorization request, which goes along. Required without user_code."},
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

/* The form is that of somebody who comes with a device. */
static struct slice user_code_of(struct request *request) {
    bool has_client = slice_is_set(params_get(&request->form, "client_id"));
    return has_client ? SLICE_NONE : user_code_read(request->arena, params_get(&request->form, "user_code"));
}

struct response endpoint_login(struct request *request) {
    enum error error = csrf_check(request);
    if (error)
        return respond_error(request, error);
    struct authorization_request asked;
    struct slice user_code = user_code_of(request);
    bool is_device = slice_is_set(user_code);
    if (!is_device && (error = authorization_login_check(request, &asked)))
        return authorization_error(request, &asked, error);

    struct session session;
    struct slice cookie;
    error = sign_in(request, &session, &cookie);
    if (error == ERROR_VALIDATION || error == ERROR_STORE_UNAVAILABLE)
        return respond_error(request, error);
    if (error) { /* the person may try again, with a fresh nonce */
        int status = error == ERROR_TOO_MANY_REQUESTS ? 429 : 401;
        request->error = error;
        struct response page = is_device ? device_login_page(request, user_code, status, request->error_text)
                                         : login_page(request, &asked, status, request->error_text);
        if (status == 429)
            response_header(&page, "retry-after",
                            arena_printf(request->arena, "%lld", (long long)request->retry_after_s));
        return page;
    }
    struct response response =
        is_device ? response_redirect(303, device_url(request, user_code)) : consent_step(request, &asked, &session);
    response_cookie(request, &response, SESSION_COOKIE, cookie, request->service->settings->session_s);
    return response;
}
