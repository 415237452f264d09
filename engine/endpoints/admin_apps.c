/* GET /admin/apps, /admin/apps/{app_id}; POST /admin/apps/{app_id}/switch. */
#include "endpoints/endpoints.h"

#include "base/utf8.h"
#include "checks/admin.h"
#include "checks/redirect_uri.h"
#include "endpoints/admin_list.h"
#include "page/chart.h"
#include "registry/apps.h"
#include "registry/audit.h"
#include "registry/audit_search.h"
#include "registry/listing.h"

enum {
    SEARCH_LEN_MAX = 200,
    LOOKED_THROUGH = 5000, /* newest apps that a shorter search looks through */
    NUMBER_DIGITS_MAX = 18,
};

const struct field admin_apps_fields[] = {
    {"q", FIELD_TEXT, 0, 0, 0, "Part of a name, an app_id or a client_id."},
    {"before", FIELD_TEXT, 0, 0, 0, "Where the page before ended."},
    {0},
};
const struct field admin_switch_fields[] = {
    {"active", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "yes or no."},
    {"csrf_token", FIELD_TEXT, 0, 0, 0, "Of our own page."},
    {0},
};

static bool number_read(struct slice text, int64_t *number) {
    *number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || i == NUMBER_DIGITS_MAX)
            return false;
        *number = *number * 10 + (text.at[i] - '0');
    }
    return text.len > 0;
}

static struct rows *apps_add(struct batch *batch, struct slice search, int64_t before) {
    struct db_value limit = db_int(ADMIN_ROWS + 1);
    if (!search.len)
        return batch_add(batch, STATEMENT_admin_apps, db_int(before), limit);
    struct slice text = utf8_lower(batch->arena, search);
    return batch_add(batch, STATEMENT_admin_apps_found, db_int(before), limit,
                     db_text(app_search_phrase(batch->arena, "name", text)), db_text(text), db_int(LOOKED_THROUGH));
}

static struct value *app_rows(struct arena *arena, struct rows *rows, const struct rows *all) {
    rows->count = all->count < ADMIN_ROWS ? all->count : ADMIN_ROWS;
    struct value *list = admin_app_rows(arena, rows);
    size_t row = 0;
    for (struct value *app = list->first; app; app = app->next, row++) {
        value_set_text(arena, app, "owner", row_text(rows, row, "owner_username"));
        value_set_text(arena, app, "owner_url", admin_url(arena, "users", row_text(rows, row, "user_id")));
    }
    return list;
}

/* One that is named by its id is gone to at once. */
static bool is_id(struct request *request, struct slice search, struct app *app) {
    enum { ID_LEN_MAX = 64 };
    return search.len && search.len <= ID_LEN_MAX && !app_find_any(request, search, app);
}

struct response endpoint_admin_apps(struct request *request) {
    struct arena *arena = request->arena;
    struct session session;
    struct response instead;
    if (!admin_look(request, &session, &instead))
        return instead;
    struct slice search = params_get(&request->query, "q"), before = params_get(&request->query, "before");
    struct slice text = slice_is_set(search) ? slice_trim(search) : SLICE("");
    int64_t number = INT64_MAX;
    if (text.len > SEARCH_LEN_MAX)
        return respond_error(request, fail(request, ERROR_BAD_REQUEST, "This is too long to search for."));
    if (slice_is_set(before) && !number_read(before, &number))
        return respond_error(request, fail(request, ERROR_BAD_REQUEST, "No page ends there."));
    struct app app;
    if (is_id(request, text, &app))
        return response_redirect(302, admin_url(arena, "apps", app.app_id));
    struct batch batch = batch_in(arena);
    struct rows *rows = apps_add(&batch, text, number);
    if (!db_run(request->service->db, &batch))
        return respond_error(request, ERROR_STORE_UNAVAILABLE);
    struct value *context = admin_context(request, &session, "Apps", "apps");
    struct rows shown = *rows;
    value_set_text(arena, context, "q", search);
    value_set_value(context, "apps", app_rows(arena, &shown, rows));
    value_set_bool(arena, context, "has_owners", true);
    if (rows->count > ADMIN_ROWS) {
        struct slice last = arena_printf(arena, "%lld", (long long)row_int(rows, ADMIN_ROWS - 1, "number"));
        const struct redirect_param next[] = {{"q", search}, {"before", last}};
        value_set_text(arena, context, "next_url", redirect_build(arena, SLICE("/admin/apps"), next, 2));
    }
    return response_page(request, 200, "admin_apps", context, SLICE_NONE);
}

static struct response app_page(struct request *request, const struct session *session, const struct app *app,
                                const struct rows *events) {
    struct arena *arena = request->arena;
    struct value *context = admin_context(request, session, "App", "apps"), *facts = value_list(arena);
    value_set_text(arena, context, "name", app->name);
    value_set_text(arena, context, "description", app->description);
    value_set_text(arena, context, "url", admin_url(arena, "apps", app->app_id));
    value_set_bool(arena, context, "active", app->active);
    admin_fact(arena, facts, "Owner", app->owner_username, admin_url(arena, "users", app->user_id));
    admin_fact(arena, facts, "State",
               app->active ? response_phrase(request, "switched on") : response_phrase(request, "switched off"),
               SLICE_NONE);
    admin_fact(arena, facts, "Listed", app->public ? response_phrase(request, "yes") : response_phrase(request, "no"),
               SLICE_NONE);
    admin_fact(arena, facts, "Users", chart_number(arena, (double)app->user_count), SLICE_NONE);
    admin_fact(arena, facts, "Shared with", chart_number(arena, (double)app->share_count), SLICE_NONE);
    admin_fact(arena, facts, "App ID", app->app_id, SLICE_NONE);
    admin_fact(arena, facts, "Client ID", app->client_id, SLICE_NONE);
    admin_fact(arena, facts, "Goes back to", app->redirect_uris, SLICE_NONE);
    admin_fact(arena, facts, "Grants", app->metadata.grant_types, SLICE_NONE);
    admin_fact(arena, facts, "Made", admin_time(arena, app->created_at), SLICE_NONE);
    admin_fact(arena, facts, "Changed", admin_time(arena, app->updated_at), SLICE_NONE);
    value_set_value(context, "facts", facts);
    value_set_value(context, "events", admin_events(arena, events));
    const struct redirect_param of_app = {"app", app->app_id};
    value_set_text(arena, context, "more_url", redirect_build(arena, SLICE("/admin/audit"), &of_app, 1));
    return response_page(request, 200, "admin_app", context, SLICE_NONE);
}

struct response endpoint_admin_app(struct request *request) {
    struct session session;
    struct response instead;
    struct app app;
    if (!admin_look(request, &session, &instead))
        return instead;
    enum error error = app_find_any(request, request->path_params[0], &app);
    if (error)
        return respond_error(request, error);
    struct audit_filter filter = audit_filter_all();
    filter.app_id = app.app_id;
    struct batch batch = batch_in(request->arena);
    struct rows *events = audit_search(&batch, &filter, ADMIN_EVENTS);
    if (!db_run(request->service->db, &batch))
        return respond_error(request, ERROR_STORE_UNAVAILABLE);
    return app_page(request, &session, &app, events);
}

struct response endpoint_admin_app_switch(struct request *request) {
    struct session session;
    struct response instead;
    struct app app;
    if (!admin_act(request, &session, &instead))
        return instead;
    struct slice active = params_get(&request->form, "active");
    if (!slice_is(active, "yes") && !slice_is(active, "no"))
        request_invalid(request, "body", "active", -1, "string_pattern", "active is yes or no");
    enum error error = request_validation(request);
    if (error || (error = app_find_any(request, request->path_params[0], &app)))
        return respond_error(request, error);
    app.active = slice_is(active, "yes");
    const struct app_act act = {&session.user, app.active ? SLICE("switched on by an administrator")
                                                          : SLICE("switched off by an administrator")};
    if ((error = app_change(request, &app, &act, APP_ACTIVE)))
        return respond_error(request, error);
    return response_redirect(303, admin_url(request->arena, "apps", app.app_id));
}
