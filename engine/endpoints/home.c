/* GET /: what is running here. GET /assets/{name}: styles and scripts. */
#include "endpoints/endpoints.h"

#include "checks/admin.h"
#include "checks/csrf.h"

static struct value *endpoint_list(struct arena *arena, bool demo) {
    struct value *list = value_list(arena);
    for (const struct route *route = routes; route->method; route++) {
        if (route->caller == CALLER_PAGE || (!demo && slice_starts(slice_of(route->path), "/demo")))
            continue;
        struct value *one = value_map(arena);
        value_set_text(arena, one, "method", slice_of(route->method));
        value_set_text(arena, one, "path", slice_of(route->path));
        value_set_text(arena, one, "note", slice_of(route->summary));
        value_append(list, one);
    }
    return list;
}

/* What an attacker would look up: for those who try it out, and those who run it. */
static void details_add(struct request *request, struct value *context) {
    const struct settings *settings = request->service->settings;
    struct slice database = slice_of(settings->database);
    value_set_text(request->arena, context, "policies", slice_of(settings->policies));
    value_set_text(request->arena, context, "version", SLICE(MOONLATCH_VERSION));
    value_set_text(request->arena, context, "database",
                   slice_starts(database, "sqlite:") ? SLICE("SQLite") : SLICE("PostgreSQL"));
}

struct response endpoint_home(struct request *request) {
    struct arena *arena = request->arena;
    const struct settings *settings = request->service->settings;
    struct value *context = value_map(arena);
    value_set_text(arena, context, "title", SLICE("Moonlatch"));
    value_set_value(context, "endpoints", endpoint_list(arena, settings->demo));
    value_set_bool(arena, context, "demo", settings->demo);
    bool is_detailed = settings->demo;
    struct session session;
    if (!session_from_cookie(request, &session)) {
        is_detailed = is_detailed || names_hold(session.user.roles, SLICE(ADMIN_ROLE));
        value_set_text(arena, context, "signed_in", session.user.username);
        value_set_text(arena, context, "csrf_token", csrf_token(request, &session));
    }
    if (is_detailed)
        details_add(request, context);
    value_set_text(arena, context, "try_url", SLICE("/demo"));
    return response_page(request, 200, "home", context, SLICE_NONE);
}

struct response endpoint_asset(struct request *request) {
    struct asset asset;
    if (!pages_asset(request->service->pages, request->path_params[0], &asset))
        return respond_error(request, ERROR_NOT_FOUND);
    struct response response = {.status = 200, .content_type = asset.media_type, .body = asset.bytes};
    /* Its URL names its version, so it may be kept. */
    response_header(&response, "cache-control", SLICE("public, max-age=31536000, immutable"));
    return response;
}
