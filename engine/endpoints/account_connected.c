/* /account/connected: what somebody has allowed which app, and taking it back. */
#include "endpoints/account.h"
#include "endpoints/endpoints.h"

#include "checks/fields.h"
#include "policy/policy.h"
#include "registry/authorizations.h"

const struct field account_connected_fields[] = {
    {"csrf_token", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "The page's."},
    {"app_id", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "Of the app that may do nothing any more."},
    {0},
};
const struct field account_page_fields[] = {
    {"page", FIELD_INT, 0, 0, 0, "Of the list, from 0."},
    {0},
};

/* In the words of the consent page; a scope that the policy knows no more stands as it is. */
static struct value *scopes_shown(struct request *request, struct slice scopes) {
    struct arena *arena = request->arena;
    struct value *list = value_list(arena);
    while (slice_is_set(scopes)) {
        struct slice name = slice_cut(&scopes, ' ');
        struct slice words = name.len ? policy_scope_describe(request->service->policy, arena, name) : SLICE_NONE;
        struct value *scope = value_map(arena);
        value_set_text(arena, scope, "name", name);
        value_set_text(arena, scope, "description", slice_is_set(words) ? words : name);
        if (name.len)
            value_append(list, scope);
    }
    return list;
}

struct response endpoint_account_connected_page(struct request *request) {
    struct arena *arena = request->arena;
    struct session session;
    struct response instead;
    if (!page_session(request, &session, &instead))
        return instead;
    struct account_part part = {SLICE("/account/connected?"), account_page_number(request), ACCOUNT_PAGE_ITEMS, 0};
    struct rows *rows;
    enum error error = authorization_list(request, &session.user, part.page, part.limit, &rows, &part.total);
    if (error)
        return respond_error(request, error);
    struct value *context = account_context(request, &session, "Connected apps", "/account/connected");
    struct value *apps = value_list(arena);
    for (size_t i = 0; i < rows->count; i++) {
        struct value *app = value_map(arena);
        value_set_text(arena, app, "app_id", row_text(rows, i, "app_id"));
        value_set_text(arena, app, "name", row_text(rows, i, "app_name"));
        value_set_text(arena, app, "description", row_text(rows, i, "app_description"));
        value_set_value(app, "scopes", scopes_shown(request, row_text(rows, i, "scopes")));
        value_set_text(arena, app, "since", account_time(arena, row_int(rows, i, "created_at")));
        value_append(apps, app);
    }
    value_set_value(context, "apps", apps);
    account_add_pages(request, context, &part);
    return response_page(request, 200, "account_connected", context, SLICE_NONE);
}

struct response endpoint_account_connected(struct request *request) {
    struct session session;
    struct response instead;
    if (!page_form_session(request, &session, &instead))
        return instead;
    fields_required(request);
    enum error error = request_validation(request);
    if (error || (error = authorization_revoke(request, &session.user, params_get(&request->form, "app_id"))))
        return respond_error(request, error);
    return account_redirect(request, "/account/connected");
}
