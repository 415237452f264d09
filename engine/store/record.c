#include "store/record.h"

#include "base/buffer.h"

struct user user_from(const struct rows *rows, size_t row, const char *created_at_column) {
    return (struct user){
        .user_id = row_text(rows, row, "user_id"),
        .username = row_text(rows, row, "username"),
        .hotkey = row_text(rows, row, "hotkey"),
        .roles = row_text(rows, row, "roles"),
        .created_at = row_int(rows, row, created_at_column),
    };
}

struct sign_in sign_in_from(const struct rows *rows, size_t row) {
    return (struct sign_in){row_text(rows, row, "auth_method"), row_int(rows, row, "auth_time")};
}

struct app app_listed_from(const struct rows *rows, size_t row) {
    return (struct app){
        .app_id = row_text(rows, row, "app_id"),
        .client_id = row_text(rows, row, "client_id"),
        .user_id = row_text(rows, row, "user_id"),
        .name = row_text(rows, row, "name"),
        .description = row_text(rows, row, "description"),
        .redirect_uris = row_text(rows, row, "redirect_uris"),
        .homepage_url = row_text(rows, row, "homepage_url"),
        .logo_url = row_text(rows, row, "logo_url"),
        .active = row_bool(rows, row, "active"),
        .public = row_bool(rows, row, "public"),
        .refresh_token_lifetime_days = row_int(rows, row, "refresh_token_lifetime_days"),
        .allowed_scopes = row_text(rows, row, "allowed_scopes"),
        .token_endpoint_auth_method = row_text(rows, row, "token_endpoint_auth_method"),
        .secret_hash = row_text(rows, row, "secret_hash"),
        .created_at = row_int(rows, row, "created_at"),
        .updated_at = row_int(rows, row, "updated_at"),
        .owner_username = row_text(rows, row, "owner_username"),
        .user_count = row_int(rows, row, "user_count"),
        .share_count = row_int(rows, row, "share_count"),
    };
}

struct app app_from(const struct rows *rows, size_t row) {
    struct app app = app_listed_from(rows, row);
    app.is_remembered = rows->is_remembered;
    app.metadata = (struct client_metadata){
        .grant_types = row_text(rows, row, "grant_types"),
        .id_token_signed_response_alg = row_text(rows, row, "id_token_signed_response_alg"),
        .jwks = row_text(rows, row, "jwks"),
        .jwks_uri = row_text(rows, row, "jwks_uri"),
        .jwks_fetched = row_text(rows, row, "jwks_fetched"),
        .jwks_fetched_at = row_int(rows, row, "jwks_fetched_at"),
        .post_logout_redirect_uris = row_text(rows, row, "post_logout_redirect_uris"),
        .backchannel_logout_uri = row_text(rows, row, "backchannel_logout_uri"),
        .dpop_bound_access_tokens = row_bool(rows, row, "dpop_bound_access_tokens"),
        .require_pushed_authorization_requests = row_bool(rows, row, "require_pushed_authorization_requests"),
        .registration_hash = row_text(rows, row, "registration_hash"),
    };
    return app;
}

struct value *names_split(struct arena *arena, struct slice text) {
    struct value *list = value_list(arena);
    while (slice_is_set(text)) {
        struct slice name = slice_cut(&text, ' ');
        if (name.len)
            value_append_text(arena, list, name);
    }
    return list;
}

struct slice names_join(struct arena *arena, const struct value *list) {
    struct buffer text = buffer_in(arena);
    for (const struct value *name = list->first; name; name = name->next) {
        if (text.len)
            buffer_add_byte(&text, ' ');
        buffer_add(&text, name->text);
    }
    return buffer_slice(&text);
}

bool names_hold(struct slice text, struct slice name) {
    while (slice_is_set(text))
        if (slice_equal(slice_cut(&text, ' '), name))
            return true;
    return false;
}
