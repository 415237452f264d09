#include "checks/admin.h"

#include "base/buffer.h"
#include "checks/csrf.h"
#include "checks/redirect_uri.h"
#include "crypto/secret.h"

/* To where this page is; after a form, to the overview. */
static struct response to_sign_in(struct request *request) {
    struct arena *arena = request->arena;
    bool is_get = !slice_is(request->method, "POST");
    struct slice here = is_get ? request->path : SLICE("/admin");
    if (is_get && slice_is_set(request->query_text))
        here = arena_printf(arena, "%.*s?%.*s", SLICE_ARG(here), SLICE_ARG(request->query_text));
    const struct redirect_param return_to = {"return_to", here};
    struct slice login = arena_printf(arena, "%.*s/idp/login", SLICE_ARG(request->service->settings->issuer));
    return response_redirect(is_get ? 302 : 303, redirect_build(arena, login, &return_to, 1));
}

bool admin_look(struct request *request, struct session *session, struct response *instead) {
    enum error error = session_from_cookie(request, session);
    if (error == ERROR_UNAUTHENTICATED) {
        *instead = to_sign_in(request);
        return false;
    }
    if (!error && !names_hold(session->user.roles, SLICE(ADMIN_ROLE)))
        error = fail(request, ERROR_FORBIDDEN, "This page is for administrators.");
    if (error)
        *instead = respond_error(request, error);
    return !error;
}

bool admin_act(struct request *request, struct session *session, struct response *instead) {
    if (!admin_look(request, session, instead))
        return false;
    struct slice token = params_get(&request->form, "csrf_token");
    enum error error = csrf_check(request);
    if (!error && (!slice_is_set(token) || !secret_equal(token, csrf_token(request, session))))
        error = fail(request, ERROR_FORBIDDEN, "This page belongs to another sign-in. Load it again.");
    if (error)
        *instead = respond_error(request, error);
    return !error;
}

struct value *admin_context(struct request *request, const struct session *session, const char *title,
                            const char *tab) {
    struct arena *arena = request->arena;
    struct value *context = value_map(arena), *on = value_map(arena);
    value_set_text(arena, context, "title", slice_of(title));
    value_set_bool(arena, on, tab, true);
    value_set_value(context, "on", on);
    value_set_text(arena, context, "viewer", session->user.username);
    value_set_text(arena, context, "csrf_token", csrf_token(request, session));
    return context;
}
