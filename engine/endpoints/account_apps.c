/* /account/apps: somebody's own apps, and making one. */
#include "endpoints/account.h"
#include "endpoints/endpoints.h"

#include "checks/app_form.h"
#include "checks/app_json.h"
#include "checks/app_rules.h"
#include "checks/quotas.h"
#include "registry/apps.h"

struct response endpoint_account_apps_page(struct request *request) {
    struct arena *arena = request->arena;
    struct session session;
    struct response instead;
    if (!page_session(request, &session, &instead))
        return instead;
    struct account_part part = {SLICE("/account/apps?"), account_page_number(request), ACCOUNT_PAGE_ITEMS, 0};
    struct rows *rows;
    enum error error = app_list_own(request, &session.user, part.page, part.limit, &rows, &part.total);
    if (error)
        return respond_error(request, error);
    struct value *context = account_context(request, &session, "My apps", "/account/apps");
    struct value *apps = value_list(arena);
    for (size_t i = 0; i < rows->count; i++) {
        struct value *app = value_map(arena);
        value_set_text(arena, app, "app_id", row_text(rows, i, "app_id"));
        value_set_text(arena, app, "name", row_text(rows, i, "name"));
        value_set_text(arena, app, "description", row_text(rows, i, "description"));
        value_set_bool(arena, app, "active", row_bool(rows, i, "active"));
        value_set_bool(arena, app, "public", row_bool(rows, i, "public"));
        value_set_int(arena, app, "user_count", row_int(rows, i, "user_count"));
        value_append(apps, app);
    }
    value_set_value(context, "apps", apps);
    account_add_pages(request, context, &part);
    return response_page(request, 200, "account_apps", context, SLICE_NONE);
}

/* `body`: what is in the form. */
static struct response new_page(struct request *request, const struct session *session, const struct value *body,
                                enum error error) {
    struct value *context = account_context(request, session, "Make an app", "/account/apps");
    app_form_show(request, context, body);
    value_set_text(request->arena, context, "form_action", SLICE("/account/apps"));
    if (error)
        app_form_show_error(request, context, error);
    return response_page(request, error ? error_kind(error)->status : 200, "account_app", context, SLICE_NONE);
}

struct response endpoint_account_app_new(struct request *request) {
    struct session session;
    struct response instead;
    if (!page_session(request, &session, &instead))
        return instead;
    struct app *app = arena_zalloc(request->arena, sizeof(*app));
    app_new_defaults(&session.user, app);
    return new_page(request, &session, app_json(request->arena, app), ERROR_NONE);
}

struct response endpoint_account_app_create(struct request *request) {
    struct session session;
    struct response instead;
    if (!page_form_session(request, &session, &instead))
        return instead;
    struct app *app = arena_zalloc(request->arena, sizeof(*app));
    struct slice client_secret;
    request->json = app_form_read(request);
    enum error error = app_new_check(request, &session.user, app);
    struct quotas quotas;
    if (error || (error = quotas_of(request, &session.user, &quotas)) ||
        (error =
             app_create(request, app, &(struct app_act){&session.user, SLICE("created")}, quotas.apps, &client_secret)))
        return new_page(request, &session, request->json, error);
    return account_app_secret_page(request, &session, app, client_secret);
}
