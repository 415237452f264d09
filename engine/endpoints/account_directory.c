/* GET /account/directory: the apps that the listing policy shows, to search and sort. */
#include "endpoints/account.h"
#include "endpoints/endpoints.h"

#include "checks/app_view.h"
#include "checks/fields.h"
#include "checks/redirect_uri.h"

const struct field account_directory_fields[] = {
    {"search", FIELD_TEXT, 0, 0, LISTING_SEARCH_MAX, "In what the policy searches."},
    {"order", FIELD_TEXT, 0, 0, 16, "newest (when left out), name or popular."},
    {"page", FIELD_INT, 0, 0, 0, "Of the list, from 0."},
    {0},
};

static void add_orders(struct arena *arena, struct value *context, struct slice order) {
    static const struct {
        const char *value, *title;
    } orders[] = {{"newest", "Newest first"}, {"name", "By name"}, {"popular", "Most used first"}};
    struct value *list = value_list(arena);
    for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
        struct value *one = value_map(arena);
        value_set_text(arena, one, "value", slice_of(orders[i].value));
        value_set_text(arena, one, "title", slice_of(orders[i].title));
        value_set_bool(arena, one, "selected", slice_is(order, orders[i].value));
        value_append(list, one);
    }
    value_set_value(context, "orders", list);
}

static enum error add_apps(struct request *request, const struct session *session, struct value *context,
                           const struct listing *listing) {
    struct value *apps = value_list(request->arena);
    for (size_t i = 0; i < listing->apps->count; i++) {
        struct app *app = arena_alloc(request->arena, sizeof(*app));
        *app = app_listed_from(listing->apps, i);
        struct value *shown = app_shown(request, &session->user, app);
        if (!shown)
            return ERROR_POLICY_FAILED;
        bool is_own = slice_equal(app->user_id, session->user.user_id);
        if (slice_is_set(value_get_text(shown, "user_id"))) /* the policy may keep that to itself */
            value_set_text(request->arena, shown, "owner_username", app->owner_username);
        value_set_bool(request->arena, shown, "is_own", is_own);
        value_append(apps, shown);
    }
    value_set_value(context, "apps", apps);
    return ERROR_NONE;
}

struct response endpoint_account_directory(struct request *request) {
    struct arena *arena = request->arena;
    struct session session;
    struct response instead;
    if (!page_session(request, &session, &instead))
        return instead;
    struct slice search = slice_trim(params_get(&request->query, "search"));
    struct slice order = params_get(&request->query, "order");
    if (!app_order_is_valid(order))
        order = SLICE("newest");
    if (search.len > LISTING_SEARCH_MAX)
        return respond_error(
            request, fail(request, ERROR_BAD_REQUEST, "A search has at most %d characters.", LISTING_SEARCH_MAX));
    struct value *asked = value_map(arena);
    value_set_text(arena, asked, "order", order);
    struct listing *listing = arena_zalloc(arena, sizeof(*listing));
    listing->user_id = session.user.user_id;
    listing->search = search.len ? search : SLICE_NONE;
    listing->page = account_page_number(request);
    listing->page_limit = ACCOUNT_PAGE_ITEMS;
    struct value *context = account_context(request, &session, "App directory", "/account/directory");
    enum error error = app_listing_decide(request, &session.user, asked, &listing->decision);
    if (error || (error = listing_run(request, listing)) || (error = add_apps(request, &session, context, listing)))
        return respond_error(request, error);
    value_set_text(arena, context, "search", search);
    add_orders(arena, context, order);
    const struct redirect_param kept[] = {{"search", listing->search}, {"order", order}};
    struct slice base = redirect_build(arena, SLICE("/account/directory"), kept, 2);
    const struct account_part part = {arena_printf(arena, "%.*s&", SLICE_ARG(base)), listing->page, listing->page_limit,
                                      listing->total};
    account_add_pages(request, context, &part);
    return response_page(request, 200, "account_directory", context, SLICE_NONE);
}
