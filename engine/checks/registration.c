#include "checks/registration.h"

#include "checks/app_json.h"
#include "checks/authorization_header.h"
#include "checks/client.h"
#include "crypto/random.h"
#include "crypto/secret.h"

const struct field registration_fields[] = {
    {"client_name", FIELD_TEXT, 0, 3, 64, "Made unique by a number when it is taken."},
    {"redirect_uris", FIELD_TEXTS, 0, 0, 10, "Required for authorization_code."},
    {"grant_types", FIELD_TEXTS, 0, 1, 8, "authorization_code when left out."},
    {"response_types", FIELD_TEXTS, 0, 0, 1, "code."},
    {"scope", FIELD_TEXT, 0, 0, 4096, "Scopes that it may ask for, separated by spaces."},
    {"client_uri", FIELD_URL, 0, 0, 0, "Its homepage."},
    {"logo_uri", FIELD_URL, 0, 0, 0, NULL},
    {"token_endpoint_auth_method", FIELD_TEXT, 0, 0, 64, "client_secret_basic when left out."},
    {"jwks", FIELD_OBJECT, 0, 0, 0, "Its public keys; or jwks_uri."},
    {"jwks_uri", FIELD_URL, 0, 0, 0, NULL},
    {"id_token_signed_response_alg", FIELD_TEXT, 0, 0, 16, "RS256 when left out."},
    {"post_logout_redirect_uris", FIELD_TEXTS, 0, 0, 10, NULL},
    {"backchannel_logout_uri", FIELD_URL, 0, 0, 0, NULL},
    {"dpop_bound_access_tokens", FIELD_BOOL, 0, 0, 0, NULL},
    {"require_pushed_authorization_requests", FIELD_BOOL, 0, 0, 0, NULL},
    {0},
};

/* Those that an app knows by another name; all others have one. */
static const struct {
    const char *registered, *field;
} names[] = {
    {"client_name", "name"}, {"client_uri", "homepage_url"}, {"logo_uri", "logo_url"}, {"scope", "allowed_scopes"}};

static const char *field_of(const char *registered) {
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(names[i].registered, registered) == 0)
            return names[i].field;
    return registered;
}

static struct slice registered_of(struct slice field) {
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_is(field, names[i].field))
            return slice_of(names[i].registered);
    return field;
}

/* A name of its own for a client that has none. */
static struct slice name_make(struct arena *arena) {
    char id[9];
    random_base62(id, sizeof(id) - 1);
    return arena_printf(arena, "Client %s", id);
}

static bool response_types_are_known(const struct value *list) {
    if (!list || list->kind == VALUE_NULL)
        return true;
    if (list->kind != VALUE_LIST)
        return false;
    for (const struct value *one = list->first; one; one = one->next)
        if (one->kind != VALUE_TEXT || !slice_is(one->text, "code"))
            return false;
    return true;
}

static struct value *value_of(struct request *request, const struct field *field, const struct value *sent) {
    struct arena *arena = request->arena;
    if (strcmp(field->name, "scope") == 0)
        return sent->kind == VALUE_TEXT ? names_split(arena, sent->text) : value_copy(arena, sent);
    return value_copy(arena, sent);
}

enum error registration_read(struct request *request, const struct app *current) {
    struct arena *arena = request->arena;
    const struct value *sent = request->json;
    if (!sent || sent->kind != VALUE_MAP)
        return fail(request, ERROR_INVALID_CLIENT_METADATA, "The body must be a JSON object.");
    if (!response_types_are_known(value_get(sent, "response_types")))
        return fail(request, ERROR_INVALID_CLIENT_METADATA, "response_types may be code only.");
    struct value *body = value_map(arena);
    for (const struct field *field = registration_fields; field->name; field++) {
        const struct value *value = value_get(sent, field->name);
        bool is_bool = field->kind == FIELD_BOOL, is_null = !value || value->kind == VALUE_NULL;
        if (strcmp(field->name, "response_types") == 0 ||
            (is_null && (!current || strcmp(field->name, "client_name") == 0)))
            continue;
        value_set_value(body, field_of(field->name),
                        !is_null                                    ? value_of(request, field, value)
                        : is_bool                                   ? value_bool(arena, false)
                        : strcmp(field->name, "redirect_uris") == 0 ? value_list(arena)
                                                                    : value_null(arena));
    }
    if (!value_get(sent, "grant_types") && !current) { /* RFC 7591 §2; and the house renews what it gave */
        struct value *types = names_split(arena, SLICE("authorization_code refresh_token"));
        value_set_value(body, "grant_types", types);
    }
    if (!slice_is_set(value_get_text(sent, "token_endpoint_auth_method")) &&
        !value_get(body, "token_endpoint_auth_method"))
        value_set_text(arena, body, "token_endpoint_auth_method", SLICE("client_secret_basic"));
    if (!current && !value_get(body, "name"))
        value_set_text(arena, body, "name", name_make(arena));
    if (!current)
        value_set_bool(arena, body, "public", false); /* nobody looked at it yet */
    request->json = body;
    return ERROR_NONE;
}

enum error registration_error(struct request *request, enum error error) {
    const struct invalid_field *invalid = request->invalid;
    if (error != ERROR_VALIDATION || !invalid)
        return error;
    request->invalid = request->invalid_last = NULL; /* it is told another way here */
    bool is_redirect = slice_is(invalid->field, "redirect_uris");
    return fail(request, is_redirect ? ERROR_INVALID_REDIRECT_URI : ERROR_INVALID_CLIENT_METADATA, "%.*s: %.*s",
                SLICE_ARG(registered_of(invalid->field)), SLICE_ARG(invalid->message));
}

struct value *registration_json(struct request *request, const struct app *app) {
    struct arena *arena = request->arena;
    struct value *json = value_map(arena);
    value_set_text(arena, json, "client_id", app->client_id);
    value_set_int(arena, json, "client_id_issued_at", app->created_at);
    value_set_text(arena, json, "client_name", app->name);
    value_set_value(json, "redirect_uris", names_split(arena, app->redirect_uris));
    if (names_hold(app->metadata.grant_types, SLICE("authorization_code")))
        value_set_value(json, "response_types", names_split(arena, SLICE("code")));
    value_set_text(arena, json, "scope", app->allowed_scopes);
    value_set_text(arena, json, "client_uri", app->homepage_url);
    value_set_text(arena, json, "logo_uri", app->logo_url);
    value_set_text(arena, json, "registration_client_uri",
                   arena_printf(arena, "%.*s/idp/register/%.*s", SLICE_ARG(request->service->settings->issuer),
                                SLICE_ARG(app->client_id)));
    app_json_add_metadata(arena, json, app);
    return json;
}

enum error registration_check(struct request *request, struct slice client_id, struct app *app) {
    struct slice token = bearer_token(request->authorization);
    enum error error = client_find(request, client_id, app);
    if (error && error != ERROR_INVALID_CLIENT)
        return error;
    if (error || !slice_starts(token, "crg_") || token.len != REGISTRATION_TOKEN_LEN ||
        !secret_matches(request->service->keyring, token, app->metadata.registration_hash))
        return fail(request, ERROR_INVALID_TOKEN, "The registration access token is not valid for this client.");
    return ERROR_NONE;
}
