#include "checks/app_json.h"

#include "base/clock.h"
#include "base/json.h"

void app_json_add_metadata(struct arena *arena, struct value *json, const struct app *app) {
    const struct client_metadata *metadata = &app->metadata;
    value_set_text(arena, json, "token_endpoint_auth_method", app->token_endpoint_auth_method);
    value_set_value(json, "grant_types", names_split(arena, metadata->grant_types));
    value_set_text(arena, json, "id_token_signed_response_alg", metadata->id_token_signed_response_alg);
    struct value *jwks = slice_is_set(metadata->jwks) ? json_parse(arena, metadata->jwks, NULL) : NULL;
    value_set_value(json, "jwks", jwks ? jwks : value_null(arena));
    value_set_text(arena, json, "jwks_uri", metadata->jwks_uri);
    value_set_value(json, "post_logout_redirect_uris", names_split(arena, metadata->post_logout_redirect_uris));
    value_set_text(arena, json, "backchannel_logout_uri", metadata->backchannel_logout_uri);
    value_set_bool(arena, json, "dpop_bound_access_tokens", metadata->dpop_bound_access_tokens);
    value_set_bool(arena, json, "require_pushed_authorization_requests",
                   metadata->require_pushed_authorization_requests);
}

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
    if (slice_is_set(app->metadata.grant_types))
        app_json_add_metadata(arena, json, app);
    return json;
}

struct value *app_json_new(struct arena *arena, const struct app *app, struct slice client_secret) {
    struct value *json = app_json(arena, app);
    if (slice_is_set(client_secret))
        value_set_text(arena, json, "client_secret", client_secret);
    return json;
}
