/* /idp/apps and /idp/apps/{app_id}: the caller's apps, and those of others that the caller may see. */
#include "endpoints/endpoints.h"

#include "checks/app_json.h"
#include "checks/app_rules.h"
#include "checks/app_view.h"
#include "checks/caller.h"
#include "checks/paging.h"
#include "checks/quotas.h"
#include "registry/apps.h"

const struct field app_list_fields[] = {
    {"search", FIELD_TEXT, 0, 0, LISTING_SEARCH_MAX,
     "In name, description and homepage, regardless of case; of the newest 1000 matches."},
    {"include_public", FIELD_BOOL, 0, 0, 0, "Public apps of others; true when left out."},
    {"include_shared", FIELD_BOOL, 0, 0, 0, "Apps shared with you; true when left out."},
    {"order", FIELD_TEXT, 0, 0, 16, "newest (when left out), name or popular."},
    {"user_id", FIELD_TEXT, 0, 0, 64, "Only that user's apps: \"me\", or another's id for the role billing_admin."},
    PAGING_FIELDS,
    {0},
};

static bool may_see_others(const struct caller *caller) {
    return names_hold(caller->user.roles, SLICE("admin")) || names_hold(caller->user.roles, SLICE("billing_admin"));
}

/* Whose apps, if not all that the policy lists: *user_id, or absent. */
static enum error subject_check(struct request *request, const struct caller *caller, struct slice asked,
                                struct slice *user_id) {
    *user_id = SLICE_NONE;
    if (!slice_is_set(asked))
        return ERROR_NONE;
    bool is_me = slice_is(asked, "me") || slice_equal(asked, caller->user.user_id);
    if (!is_me && !may_see_others(caller))
        return fail(request, ERROR_FORBIDDEN, "Another user's apps need the role billing_admin or admin.");
    *user_id = is_me ? caller->user.user_id : asked;
    return ERROR_NONE;
}

struct response endpoint_app_list(struct request *request) {
    struct caller caller;
    enum error error = caller_check(request, &caller);
    if (error)
        return respond_error(request, error);
    struct value *query = fields_query(request, app_list_fields);
    struct slice order = field_text(query, "order");
    if (slice_is_set(order) && !app_order_is_valid(order))
        request_invalid(request, "query", "order", -1, "string_pattern", "order is newest, name or popular");
    struct slice user_id;
    struct listing listing = {.search = slice_trim(field_text(query, "search")), .user_id = caller.user.user_id};
    if ((error = request_validation(request)) ||
        (error = subject_check(request, &caller, field_text(query, "user_id"), &user_id)) ||
        (error = app_listing_decide(request, &caller.user, query, &listing.decision)))
        return respond_error(request, error);
    if (slice_is_set(user_id)) { /* theirs alone, public or not */
        listing.user_id = user_id;
        listing.decision.own = true;
        listing.decision.listed = listing.decision.unlisted = listing.decision.shared = false;
    }

    struct paging paging = paging_of(query);
    listing.page = paging.page;
    listing.page_limit = paging.limit;
    if ((error = listing_run(request, &listing)))
        return respond_error(request, error);
    paging.limit = listing.page_limit;
    paging.total = listing.total;
    struct value *items = value_list(request->arena);
    for (size_t i = 0; i < listing.apps->count; i++) {
        struct app app = app_listed_from(listing.apps, i);
        struct value *shown = app_shown(request, &caller.user, &app);
        if (!shown)
            return respond_error(request, ERROR_POLICY_FAILED);
        value_append(items, shown);
    }
    return paging_answer(request, &paging, items);
}

struct response endpoint_app_create(struct request *request) {
    struct caller caller;
    struct app app;
    struct slice client_secret;
    struct quotas quotas;
    enum error error = caller_check(request, &caller);
    if (error || (error = app_new_check(request, &caller.user, &app)) ||
        (error = quotas_of(request, &caller.user, &quotas)) ||
        (error =
             app_create(request, &app, &(struct app_act){&caller.user, SLICE("created")}, quotas.apps, &client_secret)))
        return respond_error(request, error);
    return response_value(request, app_json_new(request->arena, &app, client_secret));
}

struct response endpoint_app_get(struct request *request) {
    struct caller caller;
    struct app app;
    enum error error = caller_check(request, &caller);
    if (error || (error = app_find(request, request->path_params[0], &caller.user, &app)))
        return respond_error(request, error);
    struct value *shown = app_shown(request, &caller.user, &app);
    return shown ? response_value(request, shown) : respond_error(request, ERROR_POLICY_FAILED);
}

struct response endpoint_app_change(struct request *request) {
    struct caller caller;
    struct app app;
    unsigned columns;
    enum error error = caller_check(request, &caller);
    if (error || (error = app_find_own(request, request->path_params[0], &caller.user, &app)) ||
        (error = app_change_check(request, &caller.user, &app, &columns)) ||
        (columns && (error = app_change(request, &app, &(struct app_act){&caller.user, SLICE("changed")}, columns))))
        return respond_error(request, error);
    return response_value(request, app_json(request->arena, &app));
}

struct response endpoint_app_delete(struct request *request) {
    struct caller caller;
    struct app app;
    enum error error = caller_check(request, &caller);
    if (error || (error = app_find_own(request, request->path_params[0], &caller.user, &app)) ||
        (error = app_delete(request, &app, &(struct app_act){&caller.user, SLICE("deleted")})))
        return respond_error(request, error);
    struct value *answer = value_map(request->arena);
    value_set_text(request->arena, answer, "app_id", app.app_id);
    value_set_bool(request->arena, answer, "deleted", true);
    return response_value(request, answer);
}
