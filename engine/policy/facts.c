#include "policy/facts.h"

struct value *facts_user(struct arena *arena, const struct user *user) {
    struct value *facts = value_map(arena);
    value_set_text(arena, facts, "user_id", user->user_id);
    value_set_text(arena, facts, "username", user->username);
    value_set_text(arena, facts, "hotkey", user->hotkey);
    value_set_value(facts, "roles", names_split(arena, user->roles));
    value_set_int(arena, facts, "created_at", user->created_at);
    return facts;
}

struct value *facts_app(struct arena *arena, const struct app *app) {
    struct value *facts = value_map(arena);
    value_set_text(arena, facts, "app_id", app->app_id);
    value_set_text(arena, facts, "client_id", app->client_id);
    value_set_text(arena, facts, "name", app->name);
    value_set_text(arena, facts, "description", app->description);
    value_set_text(arena, facts, "homepage_url", app->homepage_url);
    value_set_text(arena, facts, "owner_id", app->user_id);
    value_set_value(facts, "allowed_scopes", names_split(arena, app->allowed_scopes));
    value_set_bool(arena, facts, "public", app->public);
    value_set_int(arena, facts, "refresh_token_lifetime_days", app->refresh_token_lifetime_days);
    value_set_int(arena, facts, "created_at", app->created_at);
    return facts;
}

struct value *facts_owner(struct arena *arena, const struct app *app) {
    struct value *facts = value_map(arena);
    value_set_text(arena, facts, "user_id", app->user_id);
    value_set_text(arena, facts, "username", app->owner_username);
    return facts;
}

struct value *facts_base(struct arena *arena, int64_t now_s, struct slice address, struct slice user_agent) {
    struct value *facts = value_map(arena), *request = value_map(arena);
    value_set_int(arena, facts, "now", now_s);
    value_set_text(arena, request, "address", address);
    value_set_text(arena, request, "user_agent", user_agent);
    value_set_value(facts, "request", request);
    return facts;
}
