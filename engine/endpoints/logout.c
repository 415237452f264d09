/* /idp/logout: signing out, when an app asks for it (OpenID Connect RP-Initiated Logout 1.0) or the person does. */
#include "endpoints/endpoints.h"

#include "checks/client.h"
#include "checks/csrf.h"
#include "checks/fields.h"
#include "checks/id_token_hint.h"
#include "checks/redirect_uri.h"
#include "crypto/secret.h"
#include "registry/logout.h"

#define LOGOUT_FIELDS \
    {"id_token_hint", \
     FIELD_TEXT, \
     0, \
     0, \
     0, \
     "An id_token of this session, which then ends at once; it may have expired."}, \
        {"client_id", FIELD_TEXT, 0, 0, 0, "Which app asks; without it, the hint's audience."}, \
        {"post_logout_redirect_uri", FIELD_TEXT, 0, 0, 0, "Where to go then: one that the app has registered."}, \
        {"state", FIELD_TEXT, 0, 0, 0, "Goes there as it is."}, { \
        "ui_locales", FIELD_TEXT, 0, 0, 0, "Languages of the pages, the best first, separated by spaces." \
    }

const struct field logout_query_fields[] = {LOGOUT_FIELDS, {0}};

const struct field logout_fields[] = {
    LOGOUT_FIELDS,
    {"action", FIELD_TEXT, 0, 0, 0, "Of our own page: sign_out, sign_out_everywhere or stay."},
    {"csrf_token", FIELD_TEXT, 0, 0, 0, "Of our own page."},
    {0},
};

/* What is asked for, checked. */
struct logout {
    const struct params *params;
    struct id_token_hint hint;
    struct app app;
    bool has_hint, has_app;
    struct slice redirect_uri; /* absent: it ends on a page of ours */
};

/* A hint that is not ours counts as none: then the person is asked (§2). Which app it is, client_id or the hint says.
 */
static enum error app_read(struct request *request, struct logout *logout) {
    struct slice client_id = params_get(logout->params, "client_id");
    struct slice hint = params_get(logout->params, "id_token_hint");
    logout->has_hint = slice_is_set(hint) && id_token_hint_read(request, hint, &logout->hint);
    if (logout->has_hint && slice_is_set(client_id) && !slice_equal(client_id, logout->hint.client_id))
        return fail(request, ERROR_BAD_REQUEST, "The client_id is not that of the id_token_hint.");
    if (!slice_is_set(client_id) && !logout->has_hint)
        return ERROR_NONE;
    enum error error = client_find(request, slice_is_set(client_id) ? client_id : logout->hint.client_id, &logout->app);
    logout->has_app = !error;
    if (error == ERROR_INVALID_CLIENT)
        return slice_is_set(client_id) ? fail(request, ERROR_BAD_REQUEST, "No app has this client_id.") : ERROR_NONE;
    return error;
}

/* §3: never to where no app has said so. */
static enum error logout_read(struct request *request, const struct params *params, struct logout *logout) {
    *logout = (struct logout){.params = params};
    request->ui_locales = params_get(params, "ui_locales");
    enum error error = app_read(request, logout);
    struct slice redirect_uri = params_get(params, "post_logout_redirect_uri");
    if (error || !slice_is_set(redirect_uri))
        return error;
    if (!logout->has_app)
        return fail(request, ERROR_BAD_REQUEST,
                    "Which app this is for is not known: client_id or a valid id_token_hint is missing.");
    if (!logout->app.active)
        return fail(request, ERROR_APP_IS_OFF, NULL);
    if (!post_logout_redirect_uri_is_registered(request->arena, &logout->app, redirect_uri))
        return fail(request, ERROR_BAD_REQUEST, "The app has not registered this post_logout_redirect_uri.");
    logout->redirect_uri = redirect_uri;
    return ERROR_NONE;
}

static int redirect_status(const struct request *request) {
    return slice_is(request->method, "POST") ? 303 : 302;
}

static struct response plain_page(struct request *request, struct slice title, struct slice message) {
    struct value *context = value_map(request->arena);
    value_set_text(request->arena, context, "title", title);
    value_set_text(request->arena, context, "message", message);
    return response_page(request, 200, "signed_out", context, SLICE_NONE);
}

/* Nobody is signed in in this browser (any more): to where the app wants, or a page that says so. */
static struct response leave(struct request *request, const struct logout *logout, struct slice message) {
    const struct redirect_param state = {"state", params_get(logout->params, "state")};
    struct response response = slice_is_set(logout->redirect_uri)
                                   ? response_redirect(redirect_status(request),
                                                       redirect_build(request->arena, logout->redirect_uri, &state, 1))
                                   : plain_page(request, SLICE("You are signed out"), message);
    if (slice_is_set(cookie_get(request->cookie, SESSION_COOKIE)))
        response_cookie(request, &response, SESSION_COOKIE, SLICE(""), 0);
    return response;
}

/* What was asked goes along in the form and is checked once more; that it was this page of this session, csrf_token
 * says. */
static struct response confirm_page(struct request *request, const struct logout *logout,
                                    const struct session *session) {
    struct arena *arena = request->arena;
    struct value *context = value_map(arena), *user = value_map(arena), *fields = value_list(arena);
    value_set_text(arena, context, "title", SLICE("Sign out"));
    value_set_text(arena, user, "username", session->user.username);
    value_set_value(context, "user", user);
    page_add_field(arena, fields, "csrf_token", csrf_token(request, session));
    page_add_field(arena, fields, "ui_locales", request->ui_locales);
    if (logout->has_app) {
        struct value *app = value_map(arena);
        value_set_text(arena, app, "name", logout->app.name);
        value_set_value(context, "app", app);
        page_add_field(arena, fields, "client_id", logout->app.client_id);
    }
    page_add_field(arena, fields, "post_logout_redirect_uri", logout->redirect_uri);
    page_add_field(arena, fields, "state", params_get(logout->params, "state"));
    value_set_value(context, "fields", fields);
    return response_page(request, 200, "logout", context,
                         slice_is_set(logout->redirect_uri) ? uri_origin(arena, logout->redirect_uri) : SLICE_NONE);
}

/* §2: whoever holds an id_token of this very session need not ask. */
static bool hint_is_of(const struct logout *logout, const struct session *session) {
    return logout->has_hint && slice_equal(logout->hint.user_id, session->user.user_id) &&
           (!slice_is_set(logout->hint.session_id) || slice_equal(logout->hint.session_id, session->session_id));
}

static struct response logout_begin(struct request *request, const struct params *params) {
    struct logout logout;
    struct session session;
    enum error error = logout_read(request, params, &logout);
    if (error)
        return respond_error(request, error);
    error = session_from_cookie(request, &session);
    if (error && error != ERROR_UNAUTHENTICATED)
        return respond_error(request, error);
    if (!error && !hint_is_of(&logout, &session))
        return confirm_page(request, &logout, &session);
    if (!error && (error = session_end(request, &session.user, session.session_id)))
        return respond_error(request, error);
    return leave(request, &logout, SLICE("You may close this page."));
}

struct response endpoint_logout_page(struct request *request) {
    return logout_begin(request, &request->query);
}

/* Another site's form comes without our cookie (SameSite=Lax), a navigation with it. */
static struct response come_again(struct request *request) {
    struct slice url = arena_printf(request->arena, "%.*s/idp/logout", SLICE_ARG(request->service->settings->issuer));
    enum { COUNT = sizeof(logout_query_fields) / sizeof(*logout_query_fields) - 1 };
    struct redirect_param params[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        params[i] = (struct redirect_param){logout_query_fields[i].name,
                                            params_get(&request->form, logout_query_fields[i].name)};
    return response_redirect(303, redirect_build(request->arena, url, params, COUNT));
}

/* The page's answer. */
static struct response logout_answer(struct request *request, struct slice action) {
    bool is_everywhere = slice_is(action, "sign_out_everywhere"), is_here = slice_is(action, "sign_out");
    if (!is_everywhere && !is_here && !slice_is(action, "stay"))
        request_invalid(request, "body", "action", -1, "string_pattern",
                        "action is sign_out, sign_out_everywhere or stay");
    struct logout logout;
    struct session session;
    enum error error = request_validation(request);
    if (error || (error = logout_read(request, &request->form, &logout)))
        return respond_error(request, error);
    error = session_from_cookie(request, &session);
    if (error == ERROR_UNAUTHENTICATED)
        return leave(request, &logout, SLICE("You may close this page."));
    if (error || (error = csrf_form_check(request, &session)))
        return respond_error(request, error);
    if (!is_everywhere && !is_here)
        return plain_page(request, SLICE("You stay signed in"), SLICE("Nothing has changed."));
    int64_t ended;
    error = is_everywhere ? sessions_end(request, &session.user, SLICE_NONE, &ended)
                          : session_end(request, &session.user, session.session_id);
    if (error)
        return respond_error(request, error);
    return leave(request, &logout,
                 is_everywhere
                     ? SLICE("You are signed out everywhere. What you have allowed apps stays until you take it back.")
                     : SLICE("You may close this page."));
}

struct response endpoint_logout(struct request *request) {
    struct slice action = params_get(&request->form, "action");
    if (slice_is_set(action))
        return logout_answer(request, action);
    if (!slice_is_set(cookie_get(request->cookie, SESSION_COOKIE)))
        return come_again(request);
    return logout_begin(request, &request->form);
}
