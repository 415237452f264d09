/* GET, POST /idp/login: signing in for a page of our own; the form of every login page. */
#include "endpoints/consent_step.h"
#include "endpoints/endpoints.h"

#include "checks/device_request.h"
#include "checks/fields.h"
#include "checks/form_token.h"
#include "checks/page_session.h"
#include "checks/pushed_request.h"
#include "checks/redirect_uri.h"
#include "checks/second_factor.h"
#include "checks/sign_in.h"

#define LOGIN_ACTION "/idp/login"

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
    {"auth_method", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "fingerprint, hotkey, passkey or second_factor."},
    {"fingerprint", FIELD_TEXT, 0, 0, 0, "For fingerprint."},
    {"hotkey", FIELD_TEXT, 0, 0, 0, "For hotkey: SS58 address."},
    {"signature", FIELD_TEXT, 0, 0, 0, "For hotkey: over the page's text or the nonce, hex; for passkey: its own."},
    {"nonce", FIELD_TEXT, 0, 0, 0, "For hotkey: the page's."},
    {"message", FIELD_TEXT, 0, 0, 0, "For hotkey: what was signed, where it is a text of Sign-In with Substrate."},
    {"credential_id", FIELD_TEXT, 0, 0, 0, "For passkey, as WebAuthn has it; base64url, like what follows."},
    {"client_data", FIELD_TEXT, 0, 0, 0, "For passkey: clientDataJSON."},
    {"authenticator_data", FIELD_TEXT, 0, 0, 0, "For passkey."},
    {"csrf_token", FIELD_TEXT, 0, 0, 0, "The page's, which a browser needs where it does not name its site."},
    {"factor", FIELD_TEXT, 0, 0, 0, "For second_factor: the page's, and what passkey has."},
    {"attestation_object", FIELD_TEXT, 0, 0, 0, "For second_factor: of a new passkey, where there is none."},
    {"public_key", FIELD_TEXT, 0, 0, 0, "The attested key once more, if at all; DER."},
    {0},
};

/* The authorization request goes along in hidden fields: nothing is stored before a proof. One that was pushed stays
 * sealed, under its id, for as long as the page may be looked at. */
static struct value *fields_of(struct request *request, const struct authorization_request *asked) {
    struct value *fields = value_list(request->arena);
    if (slice_is_set(asked->pushed_id)) {
        const struct pushed_request pushed = {asked->pushed_id, asked->pushed_until_s, asked->params};
        page_add_field(request->arena, fields, "client_id", asked->app.client_id);
        page_add_field(request->arena, fields, "request_uri", pushed_request_renew(request, &pushed));
        return fields;
    }
    for (size_t i = 0; i < asked->params.count; i++) {
        const struct param *param = &asked->params.list[i];
        bool is_nonce = slice_is(param->name, "nonce"); /* in this form that is the wallet's */
        if (!slice_is(param->name, "id_token_hint"))
            page_add_field(request->arena, fields, is_nonce ? "oidc_nonce" : param->name.at, param->value);
    }
    return fields;
}

/* What every login page has. Who tried with a wallet by hand goes on there; `hint`: whom the app expects. */
static struct value *login_context(struct request *request, struct slice error, struct slice hint) {
    struct arena *arena = request->arena;
    bool is_by_wallet = slice_is(params_get(&request->form, "auth_method"), "hotkey");
    struct slice hotkey = is_by_wallet ? slice_trim(params_get(&request->form, "hotkey")) : SLICE_NONE;
    struct value *context = value_map(arena), *methods = value_map(arena);
    struct slice nonce = login_nonce(request, KEY_NONCE);
    value_set_text(arena, context, "error", error);
    const struct value *offered = policy_login_methods(request->service->policy);
    for (const struct value *method = offered->first; method; method = method->next)
        value_set(methods, method->text, value_bool(arena, true));
    value_set_value(context, "methods", methods);
    value_set_bool(arena, context, "is_by_wallet", is_by_wallet);
    value_set_text(arena, context, "hotkey", slice_is_set(hotkey) || !slice_starts(hint, "5") ? hotkey : hint);
    value_set_text(arena, context, "nonce", nonce);
    value_set_text(arena, context, "message", wallet_message(request, nonce));
    return context;
}

static struct value *app_context(struct request *request, const struct authorization_request *asked,
                                 struct slice error) {
    struct arena *arena = request->arena;
    struct value *context = login_context(request, error, params_get(&asked->params, "login_hint"));
    page_add_app(request, context, &asked->app);
    value_set_text(arena, context, "title", page_title(request, "Sign in to", &asked->app));
    value_set_value(context, "fields", fields_of(request, asked));
    return context;
}

/* Of a form that carries one field along. */
static struct value *field_context(struct request *request, struct slice error, struct slice title, const char *name,
                                   struct slice value) {
    struct value *context = login_context(request, error, SLICE_NONE), *fields = value_list(request->arena);
    value_set_text(request->arena, context, "title", title);
    page_add_field(request->arena, fields, name, value);
    value_set_value(context, "fields", fields);
    return context;
}

/* What somebody signs in for: an app's authorization request; or user_code, a device; or return_to, a page of our own.
 */
struct errand {
    struct authorization_request asked;
    struct slice user_code, return_to;
};

static struct value *errand_context(struct request *request, const struct errand *errand, struct slice error) {
    if (slice_is_set(errand->user_code))
        return field_context(request, error, SLICE("Sign in to connect a device"), "user_code", errand->user_code);
    if (!slice_is_set(errand->return_to))
        return app_context(request, &errand->asked, error);
    struct value *context =
        field_context(request, error, SLICE("Sign in to your account"), "return_to", errand->return_to);
    value_set_bool(request->arena, context, "is_own", true);
    return context;
}

static bool is_of_app(const struct errand *errand) {
    return !slice_is_set(errand->user_code) && !slice_is_set(errand->return_to);
}

/* Where the form may lead at last. */
static struct slice form_target(struct request *request, const struct errand *errand) {
    return is_of_app(errand) ? uri_origin(request->arena, errand->asked.redirect_uri) : SLICE_NONE;
}

/* Of a passkey that was sent here, and that no account has. */
static struct slice unknown_passkey(const struct request *request, int status) {
    const struct params *form = &request->form;
    bool was_asked_for = status != 200 && slice_is(params_get(form, "auth_method"), "passkey");
    return was_asked_for && request->error == ERROR_NOT_FOUND ? params_get(form, "credential_id") : SLICE_NONE;
}

/* The sign-in page of that context. */
static struct response one_factor_page(struct request *request, int status, struct value *context,
                                       struct slice target) {
    passkey_ask(request, context, PASSKEY_SIGN_IN, NULL, NULL, unknown_passkey(request, status));
    return form_page(request, status, "login", context, LOGIN_ACTION, target);
}

struct response login_page(struct request *request, const struct authorization_request *asked, int status,
                           struct slice error) {
    return one_factor_page(request, status, app_context(request, asked, error),
                           uri_origin(request->arena, asked->redirect_uri));
}

struct response device_login_page(struct request *request, struct slice user_code, int status, struct slice error) {
    const struct errand errand = {.user_code = user_code};
    return one_factor_page(request, status, errand_context(request, &errand, error), SLICE_NONE);
}

/* Asks for the passkey, or for a new one where there is none. */
static struct response second_factor_page(struct request *request, const struct errand *errand, int status,
                                          struct slice factor, const struct user *user) {
    struct slice error = status == 200 ? SLICE_NONE : request->error_text;
    struct value *context = errand_context(request, errand, error), *passkeys;
    enum error failed = passkey_list(request, user, &passkeys);
    if (failed)
        return respond_error(request, failed);
    value_set_text(request->arena, context, "factor", factor);
    value_set_bool(request->arena, context, "is_new", passkeys->count == 0);
    passkey_ask(request, context, passkeys->count ? PASSKEY_SECOND_FACTOR : PASSKEY_MAKE, user, passkeys, SLICE_NONE);
    return form_page(request, status, "second_factor", context, LOGIN_ACTION, form_target(request, errand));
}

static void field_missing(struct request *request, bool is_needed, const char *name, struct slice value) {
    if (is_needed && !slice_is_set(value))
        request_invalid(request, "body", name, -1, "missing", "%s is required", name);
}

/* By one factor. */
static enum error prove(struct request *request, struct proven *proven) {
    const struct params *form = &request->form;
    struct slice method = params_get(form, "auth_method"), fingerprint = params_get(form, "fingerprint");
    const struct wallet_proof proof = wallet_proof_from(request->arena, form);
    struct passkey_answer answer = passkey_answer_from(form);
    bool by_hotkey = slice_is(method, "hotkey"), by_fingerprint = slice_is(method, "fingerprint");
    bool by_passkey = slice_is(method, "passkey");
    fields_required(request);
    if (slice_is_set(method) && !by_hotkey && !by_fingerprint && !by_passkey)
        request_invalid(request, "body", "auth_method", -1, "string_pattern",
                        "auth_method is fingerprint, hotkey, passkey or second_factor");
    field_missing(request, by_fingerprint, "fingerprint", fingerprint);
    field_missing(request, by_hotkey, "hotkey", proof.hotkey);
    field_missing(request, by_hotkey, "signature", proof.signature);
    field_missing(request, by_hotkey, "nonce", proof.nonce);
    field_missing(request, by_passkey, "credential_id", answer.credential_id);
    enum error error = request_validation(request);
    if (error)
        return error;
    return by_passkey  ? passkey_prove(request, &answer, proven)
           : by_hotkey ? wallet_prove(request, &proof, proven)
                       : fingerprint_prove(request, fingerprint, proven);
}

static struct response own_login_page(struct request *request, struct slice return_to) {
    const struct errand errand = {.return_to = return_to};
    return one_factor_page(request, 200, errand_context(request, &errand, SLICE_NONE), SLICE_NONE);
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
    return own_login_page(request, return_to);
}

static enum error errand_read(struct request *request, struct errand *errand) {
    const struct params *form = &request->form;
    bool has_client = slice_is_set(params_get(form, "client_id"));
    errand->user_code = has_client ? SLICE_NONE : user_code_read(request->arena, params_get(form, "user_code"));
    errand->return_to = has_client || slice_is_set(errand->user_code) ? SLICE_NONE : params_get(form, "return_to");
    if (slice_is_set(errand->return_to))
        return return_to_check(request, errand->return_to);
    return slice_is_set(errand->user_code) ? ERROR_NONE : authorization_login_check(request, &errand->asked);
}

static struct response errand_go_on(struct request *request, struct errand *errand, const struct session *session) {
    if (slice_is_set(errand->user_code))
        return response_redirect(303, device_url(request, errand->user_code));
    if (slice_is_set(errand->return_to))
        return own_page(request, 303, errand->return_to);
    return consent_step(request, &errand->asked, session);
}

/* Signed in: a cookie, and on. */
static struct response finish(struct request *request, struct errand *errand, const struct session *session,
                              struct slice cookie) {
    struct response response = errand_go_on(request, errand, session);
    response_cookie(request, &response, SESSION_COOKIE, cookie, request->service->settings->session_s);
    return response;
}

/* The person may try again, with a fresh nonce. `page` is what does so. */
static struct response retry(struct request *request, enum error error, struct response page) {
    request->error = error;
    if (error == ERROR_TOO_MANY_REQUESTS)
        response_header(&page, "retry-after", arena_printf(request->arena, "%lld", (long long)request->retry_after_s));
    return page;
}

static int status_of(enum error error) {
    return error == ERROR_TOO_MANY_REQUESTS ? 429 : 401;
}

static struct response login_failed(struct request *request, const struct errand *errand, enum error error) {
    if (error == ERROR_VALIDATION || error == ERROR_STORE_UNAVAILABLE)
        return respond_error(request, error);
    request->error = error;
    struct value *context = errand_context(request, errand, request->error_text);
    return retry(request, error, one_factor_page(request, status_of(error), context, form_target(request, errand)));
}

static struct response login_by_one(struct request *request, struct errand *errand) {
    struct proven *proven = arena_zalloc(request->arena, sizeof(*proven));
    struct slice cookie, factor;
    struct session session;
    enum error error = prove(request, proven);
    if (!error && second_factor_is_needed(request, proven)) {
        error = second_factor_seal(request, proven, &factor);
        return error ? login_failed(request, errand, error)
                     : second_factor_page(request, errand, 200, factor, &proven->user);
    }
    if (error || (error = sign_in_finish(request, proven, &session, &cookie)))
        return login_failed(request, errand, error);
    return finish(request, errand, &session, cookie);
}

static struct response login_by_second(struct request *request, struct errand *errand) {
    const struct passkey_answer answer = passkey_answer_from(&request->form);
    struct proven *proven = arena_zalloc(request->arena, sizeof(*proven));
    struct slice cookie, factor = params_get(&request->form, "factor");
    struct session session;
    struct proven *first = arena_zalloc(request->arena, sizeof(*first));
    enum error error = second_factor_open(request, factor, first);
    if (error) /* from the start */
        return login_failed(request, errand, error);
    error = second_factor_sign_in(request, first, &answer, proven);
    if (!error)
        error = sign_in_finish(request, proven, &session, &cookie);
    if (error == ERROR_STORE_UNAVAILABLE)
        return respond_error(request, error);
    if (error)
        return retry(request, error, second_factor_page(request, errand, status_of(error), factor, &first->user));
    return finish(request, errand, &session, cookie);
}

struct response endpoint_login(struct request *request) {
    enum error error = form_check(request);
    if (error)
        return respond_error(request, error);
    struct errand *errand = arena_zalloc(request->arena, sizeof(*errand));
    if ((error = errand_read(request, errand)))
        return is_of_app(errand) ? authorization_error(request, &errand->asked, error) : respond_error(request, error);
    return slice_is(params_get(&request->form, "auth_method"), "second_factor") ? login_by_second(request, errand)
                                                                                : login_by_one(request, errand);
}
