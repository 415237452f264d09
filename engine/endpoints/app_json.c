#include "endpoints/app_json.h"

#include "base/clock.h"

struct value *app_json(struct arena *arena, const struct app *app) {
    struct value *json = value_map(arena);
    value_set_text(arena, json, "app_id", app->app_id);
    value_set_text(arena, json, "client_id", app->client_id);
    value_set_text(arena, json, "user_id", app->user_id);
    value_set_text(arena, json, "name", app->name);
    value_set_text(arena, json, "description", app->description);
    value_set_value(json, "redirect_uris", names_split(arena, app->redirect_uris));
    value_set_text(arena, json, "homepage_url", app->homepage_url);
    value_set_text(arena, json, "logo_url", app->logo_url);
    value_set_bool(arena, json, "active", app->active);
    value_set_bool(arena, json, "public", app->public);
    value_set_int(arena, json, "refresh_token_lifetime_days", app->refresh_token_lifetime_days);
    value_set_value(json, "allowed_scopes", names_split(arena, app->allowed_scopes));
    value_set_text(arena, json, "created_at", clock_rfc3339(arena, app->created_at));
    value_set_text(arena, json, "updated_at", clock_rfc3339(arena, app->updated_at));
    return json;
}
