/* /account/apps/{app_id}: one's own app. */
#include "endpoints/account.h"
#include "endpoints/endpoints.h"

#include "checks/app_form.h"
#include "checks/app_json.h"
#include "checks/app_rules.h"
#include "registry/apps.h"
#include "registry/shares.h"
#include "registry/users.h"

const struct field account_app_fields[] = {
    {"csrf_token", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "The page's."},
    {"action", FIELD_TEXT, 0, 0, 0,
     "save, secret, switch_off, switch_on, share, unshare or delete; a new app is made without."},
    {"name", FIELD_TEXT, 0, 0, 0, "For save: this and what else POST /idp/apps takes, a list one a line."},
    {"user", FIELD_TEXT, 0, 0, 0, "For share and unshare: name or id."},
    {"confirm", FIELD_TEXT, 0, 0, 0, "For delete: yes."},
    {0},
};

struct response account_app_secret_page(struct request *request, const struct session *session, const struct app *app,
                                        struct slice client_secret) {
    struct arena *arena = request->arena;
    const char *title = slice_is_set(client_secret) ? "Keep this secret" : "The app is made";
    struct value *context = account_context(request, session, title, "/account/apps");
    struct value *shown = value_map(arena);
    value_set_text(arena, shown, "app_id", app->app_id);
    value_set_text(arena, shown, "name", app->name);
    value_set_text(arena, shown, "client_id", app->client_id);
    value_set_value(context, "app", shown);
    value_set_text(arena, context, "client_secret", client_secret);
    return response_page(request, 200, "account_app_secret", context, SLICE_NONE);
}

/* `body`: what is in the form; NULL: the app as it is. */
static struct response app_page(struct request *request, const struct session *session, const struct app *app,
                                const struct value *body, enum error error) {
    struct arena *arena = request->arena;
    struct value *shares, *context = account_context(request, session, "My app", "/account/apps");
    enum error failed = share_list(request, app, &shares);
    if (failed)
        return respond_error(request, failed);
    struct value *shown = app_json(arena, app);
    app_form_show(request, context, body ? body : shown);
    value_set_int(arena, shown, "user_count", app->user_count);
    value_set_bool(arena, shown, "has_secret", app_has_secret(app));
    value_set_value(context, "app", shown);
    value_set_value(context, "shares", shares);
    value_set_text(arena, context, "form_action", arena_printf(arena, "/account/apps/%.*s", SLICE_ARG(app->app_id)));
    if (error)
        app_form_show_error(request, context, error);
    return response_page(request, error ? error_kind(error)->status : 200, "account_app", context, SLICE_NONE);
}

struct response endpoint_account_app_page(struct request *request) {
    struct session session;
    struct response instead;
    if (!page_session(request, &session, &instead))
        return instead;
    struct app *app = arena_zalloc(request->arena, sizeof(*app));
    enum error error = app_find_own(request, request->path_params[0], &session.user, app);
    return error ? respond_error(request, error) : app_page(request, &session, app, NULL, ERROR_NONE);
}

/* --- what its forms do --- */

static enum error change(struct request *request, const struct user *user, struct app *app, struct slice what) {
    unsigned columns;
    enum error error = app_change_check(request, user, app, &columns);
    return error ? error : app_change(request, app, &(struct app_act){user, what}, columns);
}

static enum error save(struct request *request, const struct user *user, struct app *app) {
    request->json = app_form_read(request);
    return change(request, user, app, SLICE("changed"));
}

static enum error switch_to(struct request *request, const struct user *user, struct app *app, bool active) {
    request->json = value_map(request->arena);
    value_set_bool(request->arena, request->json, "active", active);
    return change(request, user, app, active ? SLICE("switched on") : SLICE("switched off"));
}

static enum error switch_off(struct request *request, const struct user *user, struct app *app) {
    return switch_to(request, user, app, false);
}

static enum error switch_on(struct request *request, const struct user *user, struct app *app) {
    return switch_to(request, user, app, true);
}

static enum error share(struct request *request, const struct user *user, struct app *app) {
    struct user with;
    struct slice named = slice_trim(params_get(&request->form, "user"));
    if (!named.len)
        return fail(request, ERROR_BAD_REQUEST, "Say with whom.");
    enum error error = user_find_by_id_or_name(request, named, &with);
    return error ? error : share_create(request, app, user, &with);
}

static enum error unshare(struct request *request, const struct user *user, struct app *app) {
    return share_delete(request, app, user, params_get(&request->form, "user"));
}

static enum error remove_app(struct request *request, const struct user *user, struct app *app) {
    if (!slice_is(params_get(&request->form, "confirm"), "yes"))
        return fail(request, ERROR_BAD_REQUEST, "Tick the box if the app is to be deleted.");
    return app_delete(request, app, &(struct app_act){user, SLICE("deleted")});
}

static struct response secret(struct request *request, const struct session *session, struct app *app) {
    struct slice client_secret;
    enum error error =
        app_renew_secret(request, app, &(struct app_act){&session->user, SLICE("secret regenerated")}, &client_secret);
    if (error)
        return app_page(request, session, app, NULL, error);
    return account_app_secret_page(request, session, app, client_secret);
}

typedef enum error app_action(struct request *request, const struct user *user, struct app *app);

static app_action *action_of(struct slice name) {
    static const struct {
        const char *name;
        app_action *run;
    } actions[] = {{"save", save},   {"switch_off", switch_off}, {"switch_on", switch_on},
                   {"share", share}, {"unshare", unshare},       {"delete", remove_app}};
    for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
        if (slice_is(name, actions[i].name))
            return actions[i].run;
    return NULL;
}

struct response endpoint_account_app(struct request *request) {
    struct session session;
    struct response instead;
    if (!page_form_session(request, &session, &instead))
        return instead;
    struct app *app = arena_zalloc(request->arena, 2 * sizeof(*app)), *before = app + 1;
    enum error error = app_find_own(request, request->path_params[0], &session.user, app);
    if (error)
        return respond_error(request, error);
    struct slice name = params_get(&request->form, "action");
    if (slice_is(name, "secret"))
        return secret(request, &session, app);
    app_action *action = action_of(name);
    if (!action)
        return respond_error(request, fail(request, ERROR_BAD_REQUEST, "There is no such action."));
    *before = *app;
    error = action(request, &session.user, app);
    if (error == ERROR_STORE_UNAVAILABLE)
        return respond_error(request, error);
    if (error)
        return app_page(request, &session, before, action == save ? request->json : NULL, error);
    const char *to =
        action == remove_app
            ? "/account/apps"
            : arena_string(request->arena, arena_printf(request->arena, "/account/apps/%.*s", SLICE_ARG(app->app_id)));
    return account_redirect(request, to);
}
