/* GET /admin/users, /admin/users/{user_id}; POST /admin/users/{user_id}/sign-out. */
#include "endpoints/endpoints.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "checks/admin.h"
#include "checks/redirect_uri.h"
#include "crypto/ss58.h"
#include "endpoints/admin_list.h"
#include "page/chart.h"
#include "registry/audit.h"
#include "registry/audit_search.h"
#include "registry/logout.h"
#include "registry/users.h"

enum { SEARCH_LEN_MAX = 300 /* bytes; a name has up to 256 */, USER_ID_LEN = 36 };

const struct field admin_users_fields[] = {
    {"q", FIELD_TEXT, 0, 0, 0, "The begin of a name, a user_id or a hotkey."},
    {"after", FIELD_TEXT, 0, 0, 0, "The last name of the page before."},
    {0},
};
const struct field admin_form_fields[] = {
    {"csrf_token", FIELD_TEXT, 0, 0, 0, "Of our own page."},
    {0},
};

/* A user_id or a hotkey names one user, everything else is the begin of names. */
static struct rows *users_add(struct batch *batch, struct slice search, struct slice after) {
    unsigned char key[SS58_KEY_SIZE];
    if (ss58_decode(search, key)) {
        char *copy = arena_alloc(batch->arena, sizeof(key));
        memcpy(copy, key, sizeof(key));
        return batch_add(batch, STATEMENT_user_by_hotkey, db_blob(copy, sizeof(key)));
    }
    if (search.len == USER_ID_LEN && search.at[8] == '-' && search.at[13] == '-')
        return batch_add(batch, STATEMENT_user_by_id, db_text(search));
    struct slice begin = utf8_lower(batch->arena, search);
    struct slice behind = arena_printf(batch->arena, "%.*s\xf4\x8f\xbf\xbf", SLICE_ARG(begin));
    return batch_add(batch, STATEMENT_admin_users, db_text(begin), db_text(behind),
                     db_text(utf8_lower(batch->arena, after)), db_int(ADMIN_ROWS + 1));
}

static struct value *user_rows(struct arena *arena, const struct rows *rows) {
    struct value *users = value_list(arena);
    for (size_t row = 0; row < rows->count && row < ADMIN_ROWS; row++) {
        struct user user = user_from(rows, row, "created_at");
        struct value *one = value_map(arena);
        value_set_text(arena, one, "username", user.username);
        value_set_text(arena, one, "url", admin_url(arena, "users", user.user_id));
        value_set_text(arena, one, "user_id", user.user_id);
        value_set_text(arena, one, "roles", user.roles.len ? user.roles : SLICE_NONE);
        value_set_text(arena, one, "hotkey", user.hotkey);
        value_set_text(arena, one, "created", admin_time(arena, user.created_at));
        value_append(users, one);
    }
    return users;
}

struct response endpoint_admin_users(struct request *request) {
    struct arena *arena = request->arena;
    struct session session;
    struct response instead;
    if (!admin_look(request, &session, &instead))
        return instead;
    struct slice search = params_get(&request->query, "q"), after = params_get(&request->query, "after");
    struct slice text = slice_is_set(search) ? slice_trim(search) : SLICE("");
    if (text.len > SEARCH_LEN_MAX || after.len > SEARCH_LEN_MAX)
        return respond_error(request, fail(request, ERROR_BAD_REQUEST, "This is too long to search for."));
    struct batch batch = batch_in(arena);
    struct rows *rows = users_add(&batch, text, slice_is_set(after) ? after : SLICE(""));
    if (!db_run(request->service->db, &batch))
        return respond_error(request, ERROR_STORE_UNAVAILABLE);
    struct value *context = admin_context(request, &session, "Users", "users");
    value_set_text(arena, context, "q", search);
    value_set_value(context, "users", user_rows(arena, rows));
    if (rows->count > ADMIN_ROWS) {
        const struct redirect_param next[] = {{"q", search}, {"after", row_text(rows, ADMIN_ROWS - 1, "username")}};
        value_set_text(arena, context, "next_url", redirect_build(arena, SLICE("/admin/users"), next, 2));
    }
    return response_page(request, 200, "admin_users", context, SLICE_NONE);
}

struct details {
    struct rows *sessions, *keys, *apps, *allowed, *allowed_count, *events;
};

static void allowed_set(struct arena *arena, struct value *context, const struct details *details) {
    struct value *list = value_list(arena);
    for (size_t row = 0; row < details->allowed->count; row++) {
        struct value *one = value_map(arena);
        value_set_text(arena, one, "name", row_text(details->allowed, row, "app_name"));
        value_set_text(arena, one, "url", admin_url(arena, "apps", row_text(details->allowed, row, "app_id")));
        value_set_text(arena, one, "scopes", row_text(details->allowed, row, "scopes"));
        value_set_text(arena, one, "since", admin_time(arena, row_int(details->allowed, row, "created_at")));
        value_append(list, one);
    }
    value_set_value(context, "allowed", list);
}

static struct response user_page(struct request *request, const struct session *session, const struct user *user,
                                 const struct details *details) {
    struct arena *arena = request->arena;
    struct value *context = admin_context(request, session, "User", "users"), *facts = value_list(arena);
    int64_t sessions = row_int(details->sessions, 0, "sessions");
    value_set_text(arena, context, "username", user->username);
    value_set_text(arena, context, "url", admin_url(arena, "users", user->user_id));
    admin_fact(arena, facts, "User ID", user->user_id, SLICE_NONE);
    admin_fact(arena, facts, "Roles", user->roles.len ? user->roles : SLICE("–"), SLICE_NONE);
    admin_fact(arena, facts, "Hotkey", slice_is_set(user->hotkey) ? user->hotkey : SLICE("–"), SLICE_NONE);
    admin_fact(arena, facts, "Made", admin_time(arena, user->created_at), SLICE_NONE);
    admin_fact(arena, facts, "Sessions", chart_number(arena, (double)sessions), SLICE_NONE);
    admin_fact(arena, facts, "Last sign-in", admin_time(arena, row_int(details->sessions, 0, "latest")), SLICE_NONE);
    admin_fact(arena, facts, "API keys", chart_number(arena, (double)row_int(details->keys, 0, "keys")), SLICE_NONE);
    admin_fact(arena, facts, "Apps allowed", chart_number(arena, (double)row_int(details->allowed_count, 0, "total")),
               SLICE_NONE);
    value_set_value(context, "facts", facts);
    value_set_bool(arena, context, "has_sessions", sessions > 0);
    value_set_value(context, "apps", admin_app_rows(arena, details->apps));
    allowed_set(arena, context, details);
    value_set_value(context, "events", admin_events(arena, details->events));
    const struct redirect_param of_user = {"user", user->user_id};
    value_set_text(arena, context, "more_url", redirect_build(arena, SLICE("/admin/audit"), &of_user, 1));
    return response_page(request, 200, "admin_user", context, SLICE_NONE);
}

struct response endpoint_admin_user(struct request *request) {
    struct session session;
    struct response instead;
    struct user user;
    if (!admin_look(request, &session, &instead))
        return instead;
    enum error error = user_find_by_id(request, request->path_params[0], &user);
    if (error)
        return respond_error(request, error);
    struct batch batch = batch_in(request->arena);
    struct db_value id = db_text(user.user_id);
    struct audit_filter filter = audit_filter_all();
    filter.user_id = user.user_id;
    const struct details details = {
        .sessions = batch_add(&batch, STATEMENT_admin_sessions, id, db_int(clock_now_s())),
        .keys = batch_add(&batch, STATEMENT_admin_keys, id),
        .apps = batch_add(&batch, STATEMENT_admin_apps_of, id, db_int(ADMIN_ROWS)),
        .allowed = batch_add(&batch, STATEMENT_authorization_list, id, db_int(ADMIN_ROWS), db_int(0)),
        .allowed_count = batch_add(&batch, STATEMENT_authorization_count, id),
        .events = audit_search(&batch, &filter, ADMIN_EVENTS),
    };
    if (!db_run(request->service->db, &batch))
        return respond_error(request, ERROR_STORE_UNAVAILABLE);
    return user_page(request, &session, &user, &details);
}

struct response endpoint_admin_user_sign_out(struct request *request) {
    struct session session;
    struct response instead;
    struct user user;
    int64_t ended;
    if (!admin_act(request, &session, &instead))
        return instead;
    struct slice why =
        arena_printf(request->arena, "everywhere, by administrator %.*s", SLICE_ARG(session.user.username));
    enum error error = user_find_by_id(request, request->path_params[0], &user);
    if (error || (error = sessions_end(request, &user, why, &ended)))
        return respond_error(request, error);
    return response_redirect(303, admin_url(request->arena, "users", user.user_id));
}
