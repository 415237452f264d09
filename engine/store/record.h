/* Rows as C structs: what the statements of sql/ return, under the field's own names. Texts belong to
 * the arena of the rows. */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "base/value.h"
#include "store/store.h"

/* How somebody has proved who they are. */
struct sign_in {
    /* "fingerprint" | "hotkey" | "passkey" | "fingerprint+passkey" | "hotkey+passkey"; of a call without a session
     * "api_key" | "signature"; absent: none. */
    struct slice method;
    int64_t at; /* when (OpenID Connect Core §2, auth_time) */
};

struct user {
    struct slice user_id, username;
    struct slice hotkey; /* SS58; absent when none */
    struct slice roles;  /* separated by spaces */
    int64_t created_at;
    struct sign_in sign_in; /* not of the row: who knows it sets it */
};

/* What a client registers beside what people see of it (RFC 7591 §2, OpenID Connect Registration §2, RFC 9449 §5.2). */
struct client_metadata {
    struct slice grant_types;                  /* separated by spaces */
    struct slice id_token_signed_response_alg; /* "RS256", … */
    struct slice jwks, jwks_uri;               /* JSON; where it is; absent: none */
    struct slice jwks_fetched;                 /* what was there at jwks_fetched_at; absent: never looked */
    int64_t jwks_fetched_at;
    struct slice post_logout_redirect_uris; /* separated by spaces */
    struct slice backchannel_logout_uri;    /* absent: none */
    bool dpop_bound_access_tokens, require_pushed_authorization_requests;
    struct slice registration_hash; /* of its registration access token; absent: it has none */
};

/* An OAuth 2.0 client. */
struct app {
    struct slice app_id, client_id, user_id, owner_username;
    struct slice name, description, homepage_url, logo_url; /* the last three may be absent */
    struct slice redirect_uris, allowed_scopes;             /* separated by spaces */
    struct slice token_endpoint_auth_method;                /* absent: any */
    struct slice secret_hash;
    bool active, public;
    int64_t refresh_token_lifetime_days, created_at, updated_at;
    int64_t user_count, share_count; /* who have authorized it; with whom it is shared */
    struct client_metadata metadata; /* not of a listing's rows */
    bool is_remembered;              /* from db_find's memory */
};

/* From the columns user_id, username, hotkey, roles and `created_at_column`. */
struct user user_from(const struct rows *rows, size_t row, const char *created_at_column);
/* From the columns auth_method and auth_time. */
struct sign_in sign_in_from(const struct rows *rows, size_t row);
/* From the columns of app_by_client_id and app_by_id. */
struct app app_from(const struct rows *rows, size_t row);
/* From those of a listing, which has no metadata. */
struct app app_listed_from(const struct rows *rows, size_t row);

/* A list of names that is stored as text: "a b c" → ["a", "b", "c"]. Absent or empty: []. */
struct value *names_split(struct arena *arena, struct slice text);
/* The same back: a list of texts → "a b c". */
struct slice names_join(struct arena *arena, const struct value *list);
/* Whether "a b c" holds that name. */
bool names_hold(struct slice text, struct slice name);

#endif
