#include "policy/facts.h"

#include "base/clock.h"
#include "base/json.h"
#include "server/country.h"

struct value *facts_of(const struct request *request) {
    struct arena *arena = request->arena;
    struct value *facts = value_map(arena), *asked = value_map(arena);
    value_set_int(arena, facts, "now", clock_now_s());
    value_set_text(arena, asked, "address", request->address);
    value_set_text(arena, asked, "country", country_of(request->service->countries, request->address));
    value_set_text(arena, asked, "user_agent", request->user_agent);
    value_set_text(arena, asked, "language", language_tag(request_language(request)));
    value_set_value(facts, "request", asked);
    return facts;
}

void facts_add_user(struct arena *arena, struct value *facts, const struct user *user) {
    struct value *map = value_map(arena);
    value_set_text(arena, map, "user_id", user->user_id);
    value_set_text(arena, map, "username", user->username);
    value_set_text(arena, map, "hotkey", user->hotkey);
    value_set_value(map, "roles", names_split(arena, user->roles));
    value_set_int(arena, map, "created_at", user->created_at);
    if (slice_is_set(user->sign_in.method)) {
        struct value *sign_in = value_map(arena);
        value_set_text(arena, sign_in, "method", user->sign_in.method);
        value_set_int(arena, sign_in, "at", user->sign_in.at);
        value_set_value(map, "sign_in", sign_in);
    }
    value_set_value(facts, "user", map);
}

void facts_add_claims(struct arena *arena, struct value *facts, struct slice claims) {
    struct value *parsed = slice_is_set(claims) ? json_parse(arena, claims, NULL) : NULL, *asked = value_map(arena);
    for (const struct value *of = parsed ? parsed->first : NULL; of; of = of->next) {
        struct value *names = value_map(arena);
        for (const struct value *claim = of->kind == VALUE_MAP ? of->first : NULL; claim; claim = claim->next)
            value_set(names, claim->name, claim->kind == VALUE_NULL ? value_map(arena) : value_copy(arena, claim));
        value_set(asked, of->name, names);
    }
    if (parsed)
        value_set_value(facts, "claims", asked);
}

struct value *facts_app(struct arena *arena, const struct app *app) {
    struct value *map = value_map(arena);
    value_set_text(arena, map, "app_id", app->app_id);
    value_set_text(arena, map, "client_id", app->client_id);
    value_set_text(arena, map, "name", app->name);
    value_set_text(arena, map, "description", app->description);
    value_set_text(arena, map, "homepage_url", app->homepage_url);
    value_set_value(map, "allowed_scopes", names_split(arena, app->allowed_scopes));
    value_set_bool(arena, map, "public", app->public);
    value_set_int(arena, map, "refresh_token_lifetime_days", app->refresh_token_lifetime_days);
    value_set_text(arena, map, "token_endpoint_auth_method",
                   slice_is_set(app->token_endpoint_auth_method) ? app->token_endpoint_auth_method : SLICE("any"));
    if (app->created_at) /* else it is being made */
        value_set_int(arena, map, "created_at", app->created_at);
    value_set_int(arena, map, "users", app->user_count);
    value_set_int(arena, map, "shares", app->share_count);
    return map;
}

void facts_add_app(struct arena *arena, struct value *facts, const struct app *app) {
    struct value *owner = value_map(arena);
    value_set_text(arena, owner, "user_id", app->user_id);
    value_set_text(arena, owner, "username", app->owner_username);
    value_set_value(facts, "app", facts_app(arena, app));
    value_set_value(facts, "owner", owner);
}
