#include "checks/app_rules.h"

#include "base/json.h"
#include "base/name.h"
#include "base/utf8.h"
#include "checks/client.h"
#include "checks/client_keys.h"
#include "checks/quotas.h"
#include "checks/redirect_uri.h"
#include "checks/scope.h"
#include "policy/facts.h"
#include "registry/apps.h"
#include "registry/audit.h"

enum { REFRESH_DAYS_DEFAULT = 30, NAME_MIN_CHARACTERS = 3 };

/* Each stands at the bit of its column. */
#define COLUMN(column) __builtin_ctz(column)
enum { APP_FIELD_COUNT = COLUMN(APP_REQUIRE_PAR) + 1 };

const struct field app_fields[] = {
    [COLUMN(
        APP_NAME)] = {"name", FIELD_TEXT, FIELD_REQUIRED, NAME_MIN_CHARACTERS, NAME_MAX_CHARACTERS,
                      "Letters, digits, \"_\", \"-\", \".\" and single inner spaces; no two apps' names look alike."},
    [COLUMN(APP_DESCRIPTION)] = {"description", FIELD_TEXT, FIELD_NULLABLE | FIELD_LINES, 0, 1000,
                                 "What users read on the consent page."},
    [COLUMN(APP_REDIRECT_URIS)] =
        {"redirect_uris", FIELD_TEXTS, 0, 0, 10,
         "Absolute URIs without fragment, as the policy allows; required for authorization_code."},
    [COLUMN(APP_HOMEPAGE_URL)] = {"homepage_url", FIELD_URL, FIELD_NULLABLE, 0, 0, "An http or https URL."},
    [COLUMN(APP_LOGO_URL)] = {"logo_url", FIELD_URL, FIELD_NULLABLE, 0, 0, "An http or https URL."},
    [COLUMN(APP_PUBLIC)] = {"public", FIELD_BOOL, 0, 0, 0, "Whether others find it in listings; true when left out."},
    [COLUMN(APP_REFRESH_DAYS)] = {"refresh_token_lifetime_days", FIELD_INT, 0, 1, 365,
                                  "How long it may stay away; 30 when left out."},
    [COLUMN(APP_ALLOWED_SCOPES)] = {"allowed_scopes", FIELD_TEXTS, 0, 0, SCOPE_COUNT_MAX,
                                    "Privileged scopes that it may ask for."},
    [COLUMN(APP_AUTH_METHOD)] =
        {"token_endpoint_auth_method", FIELD_TEXT, FIELD_NULLABLE, 0, 64,
         "client_secret_basic, client_secret_post, private_key_jwt or none (RFC 7591), which has no secret and needs "
         "PKCE; null: whichever it uses."},
    [COLUMN(APP_ACTIVE)] = {"active", FIELD_BOOL, FIELD_CHANGE_ONLY, 0, 0,
                            "false stops every token of the app at once."},
    [COLUMN(APP_GRANT_TYPES)] =
        {"grant_types", FIELD_TEXTS, FIELD_NULLABLE, 1, 8,
         "What it may send to /idp/token (RFC 7591); authorization_code and refresh_token when left out."},
    [COLUMN(APP_ID_TOKEN_ALG)] = {"id_token_signed_response_alg", FIELD_TEXT, FIELD_NULLABLE, 0, 16,
                                  "RS256 (when left out), ES256 or EdDSA."},
    [COLUMN(APP_JWKS)] = {"jwks", FIELD_OBJECT, FIELD_NULLABLE, 0, 0,
                          "Its public keys (RFC 7517 §5), for private_key_jwt; or jwks_uri."},
    [COLUMN(APP_JWKS_URI)] = {"jwks_uri", FIELD_URL, FIELD_NULLABLE, 0, 0, "Where its public keys are."},
    [COLUMN(APP_POST_LOGOUT_URIS)] = {"post_logout_redirect_uris", FIELD_TEXTS, FIELD_NULLABLE, 0, 10,
                                      "Where a logout may end; compared exactly."},
    [COLUMN(APP_BACKCHANNEL_URI)] = {"backchannel_logout_uri", FIELD_URL, FIELD_NULLABLE, 0, 0,
                                     "Is told when a session ends (OpenID Connect)."},
    [COLUMN(APP_DPOP_BOUND)] = {"dpop_bound_access_tokens", FIELD_BOOL, 0, 0, 0,
                                "It always proves possession of a key (RFC 9449)."},
    [COLUMN(APP_REQUIRE_PAR)] = {"require_pushed_authorization_requests", FIELD_BOOL, 0, 0, 0,
                                 "It always pushes its requests (RFC 9126)."},
    [APP_FIELD_COUNT] = {0},
};
_Static_assert(sizeof(app_fields) == (APP_FIELD_COUNT + 1) * sizeof(*app_fields),
               "a column without a field, or behind");

const struct client_metadata client_metadata_default = {
    .grant_types = {"authorization_code refresh_token", sizeof("authorization_code refresh_token") - 1},
    .id_token_signed_response_alg = {"RS256", 5},
    .post_logout_redirect_uris = {"", 0},
};

static struct value *app_facts(struct request *request, const struct user *user, const struct app *app) {
    struct value *facts = facts_of(request);
    facts_add_user(request->arena, facts, user);
    facts_add_app(request->arena, facts, app);
    return facts;
}

/* Those of a decision on the app as a whole. */
static struct value *app_facts_whole(struct request *request, const struct user *user, const struct app *app) {
    struct value *facts = app_facts(request, user, app);
    value_set_bool(request->arena, facts, "resembles_brand",
                   name_resembles(request->arena, app->name, request->service->brand_name));
    return facts;
}

/* What the policy does not allow is recorded, as every refusal of a policy is. */
static enum error refuse(struct request *request, const struct user *user, const struct app *app, struct slice reason) {
    audit_refusal(request, user, app, reason);
    return fail(request, ERROR_FORBIDDEN, "%.*s", SLICE_ARG(reason));
}

/* Of redirect_uris and post_logout_redirect_uris: both are where we send a browser. */
static void redirect_uris_check(struct request *request, const struct user *user, const struct app *app,
                                const char *field) {
    const struct value *list = field_failed(request, field, -1) ? NULL : field_list(request->json, field);
    int index = 0;
    for (const struct value *item = list ? list->first : NULL; item; item = item->next, index++) {
        struct uri uri;
        if (field_failed(request, field, index))
            continue;
        if (!uri_parse(request->arena, item->text, &uri) || uri.has_fragment || uri.has_userinfo) {
            request_invalid(request, "body", field, index, "url",
                            "must be an absolute URI without fragment and user name");
            continue;
        }
        struct value *facts = app_facts(request, user, app);
        value_set_text(request->arena, facts, "redirect_uri", item->text);
        struct verdict verdict = policy_redirect_uri(request->service->policy, request->arena, facts);
        audit_decision(request, facts);
        if (verdict.allowed)
            continue;
        request_invalid(request, "body", field, index, "url", "%.*s", SLICE_ARG(verdict.reason));
        audit_refusal(request, user, app, verdict.reason);
    }
}

/* The table of fields says how many there may be at most; the command line asks no quota. */
static enum error redirect_uris_count_check(struct request *request, const struct user *user) {
    const struct value *list =
        field_failed(request, "redirect_uris", -1) ? NULL : field_list(request->json, "redirect_uris");
    struct quotas quotas;
    if (!list || !request->route)
        return ERROR_NONE;
    enum error error = quotas_of(request, user, &quotas);
    if (!error && (int64_t)list->count > quotas.redirect_uris)
        request_invalid(request, "body", "redirect_uris", -1, "list_too_long",
                        "you may have %lld redirect_uris of an app", (long long)quotas.redirect_uris);
    return error;
}

static void scopes_check(struct request *request) {
    const struct value *list =
        field_failed(request, "allowed_scopes", -1) ? NULL : field_list(request->json, "allowed_scopes");
    int index = 0;
    for (const struct value *item = list ? list->first : NULL; item; item = item->next, index++)
        if (!field_failed(request, "allowed_scopes", index) &&
            !slice_is_set(policy_scope_describe(request->service->policy, request->arena, item->text)))
            request_invalid(request, "body", "allowed_scopes", index, "string_pattern", "there is no such scope");
}

/* A text of the body that must be one of these words, which are separated by spaces. */
static void choice_check(struct request *request, const char *field, const char *choices) {
    struct slice text = field_text(request->json, field);
    if (slice_is_set(text) && !field_failed(request, field, -1) && !names_hold(slice_of(choices), text))
        request_invalid(request, "body", field, -1, "string_pattern", "%s must be one of: %s", field, choices);
}

static void grant_types_check(struct request *request) {
    const struct value *list =
        field_failed(request, "grant_types", -1) ? NULL : field_list(request->json, "grant_types");
    int index = 0;
    for (const struct value *item = list ? list->first : NULL; item; item = item->next, index++)
        if (!field_failed(request, "grant_types", index) && !names_hold(slice_of(GRANT_TYPES), item->text))
            request_invalid(request, "body", "grant_types", index, "string_pattern", "must be one of: " GRANT_TYPES);
}

/* What is asked for there is on its word only: over https, unless the operator's network is meant. */
static void outgoing_check(struct request *request, const char *field) {
    struct slice url = field_text(request->json, field);
    if (slice_is_set(url) && !field_failed(request, field, -1) &&
        ((!slice_starts(url, "https://") && !request->service->settings->outgoing_private) ||
         slice_find(url, '#') < url.len))
        request_invalid(request, "body", field, -1, "url", "%s must be an https URL without fragment", field);
}

/* RFC 7591 §2: jwks and jwks_uri exclude each other; private_key_jwt needs one. */
static void keys_check(struct request *request, const struct app *app) {
    const struct client_metadata *metadata = &app->metadata;
    const struct value *jwks = value_get(request->json, "jwks");
    struct slice why;
    if (jwks && jwks->kind == VALUE_MAP && !client_jwks_are_valid(jwks, &why))
        request_invalid(request, "body", "jwks", -1, "string_pattern", "%.*s", SLICE_ARG(why));
    outgoing_check(request, "jwks_uri");
    if (slice_is_set(metadata->jwks) && slice_is_set(metadata->jwks_uri))
        request_invalid(request, "body", "jwks_uri", -1, "string_pattern", "give jwks or jwks_uri, not both");
    if (slice_is(app->token_endpoint_auth_method, "private_key_jwt") && !slice_is_set(metadata->jwks) &&
        !slice_is_set(metadata->jwks_uri))
        request_invalid(request, "body", "jwks", -1, "missing", "private_key_jwt needs jwks or jwks_uri");
}

/* Each list once, as text separated by spaces. */
/* Of a list that is too long none: neither this loop nor a policy is asked about it. */
static struct slice names_of(struct request *request, const char *field) {
    const struct value *list = field_failed(request, field, -1) ? NULL : field_list(request->json, field);
    struct value *once = value_list(request->arena);
    for (const struct value *item = list ? list->first : NULL; item; item = item->next)
        if (item->kind == VALUE_TEXT && !scope_holds(once, item->text))
            value_append_text(request->arena, once, item->text);
    return names_join(request->arena, once);
}

static enum error may_register_check(struct request *request, const struct user *user, const struct app *app,
                                     struct slice already_allowed) {
    struct slice rest = app->allowed_scopes;
    while (rest.len) {
        struct slice scope = slice_cut(&rest, ' ');
        if (names_hold(already_allowed, scope))
            continue;
        struct value *facts = app_facts(request, user, app);
        value_set_text(request->arena, facts, "scope", scope);
        struct verdict verdict = policy_may_register(request->service->policy, request->arena, facts);
        audit_decision(request, facts);
        if (!verdict.allowed)
            return refuse(request, user, app, verdict.reason);
    }
    return ERROR_NONE;
}

/* A list or object of null is as good as left out. */
static void metadata_apply(struct request *request, struct client_metadata *metadata) {
    const struct value *json = request->json, *jwks = value_get(json, "jwks");
    if (value_get(json, "grant_types"))
        metadata->grant_types =
            field_list(json, "grant_types") ? names_of(request, "grant_types") : client_metadata_default.grant_types;
    if (value_get(json, "id_token_signed_response_alg") && !slice_is_set(metadata->id_token_signed_response_alg))
        metadata->id_token_signed_response_alg = client_metadata_default.id_token_signed_response_alg;
    if (value_get(json, "post_logout_redirect_uris"))
        metadata->post_logout_redirect_uris = names_of(request, "post_logout_redirect_uris");
    if (jwks) {
        struct buffer text = buffer_in(request->arena);
        json_write(&text, jwks);
        metadata->jwks = jwks->kind == VALUE_MAP ? buffer_slice(&text) : SLICE_NONE;
    }
    metadata->dpop_bound_access_tokens =
        field_bool(json, "dpop_bound_access_tokens", metadata->dpop_bound_access_tokens);
    metadata->require_pushed_authorization_requests =
        field_bool(json, "require_pushed_authorization_requests", metadata->require_pushed_authorization_requests);
}

/* The fields of the body over those of *app; the bits of those that are there. A name that stays is not looked at
 * again: an older release may have allowed it. */
static unsigned fields_apply(struct request *request, struct app *app) {
    const struct value *json = request->json;
    const struct slice old_name = app->name;
    unsigned columns = 0;
    for (unsigned i = 0; app_fields[i].name; i++)
        columns |= value_get(json, app_fields[i].name) ? 1u << i : 0;
    struct {
        const char *name;
        struct slice *text;
    } texts[] = {{"name", &app->name},
                 {"description", &app->description},
                 {"homepage_url", &app->homepage_url},
                 {"logo_url", &app->logo_url},
                 {"token_endpoint_auth_method", &app->token_endpoint_auth_method},
                 {"id_token_signed_response_alg", &app->metadata.id_token_signed_response_alg},
                 {"jwks_uri", &app->metadata.jwks_uri},
                 {"backchannel_logout_uri", &app->metadata.backchannel_logout_uri}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (value_get(json, texts[i].name))
            *texts[i].text = field_text(json, texts[i].name);
    if (slice_equal(app->name, old_name))
        columns &= ~(unsigned)APP_NAME;
    else
        app->name = name_normal(request->arena, app->name);
    app->description = utf8_tidy(request->arena, app->description);
    if (value_get(json, "redirect_uris"))
        app->redirect_uris = names_of(request, "redirect_uris");
    if (value_get(json, "allowed_scopes"))
        app->allowed_scopes = names_of(request, "allowed_scopes");
    metadata_apply(request, &app->metadata);
    app->public = field_bool(json, "public", app->public);
    app->active = field_bool(json, "active", app->active);
    app->refresh_token_lifetime_days = field_int(json, "refresh_token_lifetime_days", app->refresh_token_lifetime_days);
    return columns;
}

/* An authorization code needs a place to go; other grants do not. */
static void redirect_uris_required(struct request *request, const struct app *app, enum fields_of what) {
    const struct value *sent = value_get(request->json, "redirect_uris");
    bool is_touched = what == FIELDS_OF_NEW || sent || value_get(request->json, "grant_types");
    if (!is_touched || app->redirect_uris.len || field_failed(request, "redirect_uris", -1) ||
        !names_hold(app->metadata.grant_types, SLICE("authorization_code")))
        return;
    if (sent && sent->kind == VALUE_LIST)
        request_invalid(request, "body", "redirect_uris", -1, "list_too_short",
                        "redirect_uris must have at least 1 items");
    else
        request_invalid(request, "body", "redirect_uris", -1, "missing", "redirect_uris is required");
}

/* Of a new name, in its normal form. */
static void app_name_check(struct request *request, struct slice name) {
    size_t count = utf8_count(name);
    enum name_fault fault = name_check(name, "_ -.");
    if (field_failed(request, "name", -1))
        return;
    if (fault == NAME_SCRIPTS)
        request_invalid(request, "body", "name", -1, "string_pattern",
                        "name may not mix the letters of several scripts in a word");
    else if (fault)
        request_invalid(request, "body", "name", -1, "string_pattern",
                        "name may hold letters, digits, '_', '-', '.' and single inner spaces");
    else if (count < NAME_MIN_CHARACTERS || count > NAME_MAX_CHARACTERS)
        request_invalid(request, "body", "name", -1, "string_pattern",
                        "name must have %d to %d characters in Unicode's normal form KC", NAME_MIN_CHARACTERS,
                        NAME_MAX_CHARACTERS);
}

/* What a table of fields cannot say. */
static void rules_check(struct request *request, const struct user *user, const struct app *app, enum fields_of what,
                        unsigned columns) {
    if (columns & APP_NAME)
        app_name_check(request, app->name);
    choice_check(request, "token_endpoint_auth_method", CLIENT_AUTH_METHODS);
    choice_check(request, "id_token_signed_response_alg", SIGNING_ALGS);
    grant_types_check(request);
    keys_check(request, app);
    outgoing_check(request, "backchannel_logout_uri");
    redirect_uris_required(request, app, what);
    redirect_uris_check(request, user, app, "redirect_uris");
    redirect_uris_check(request, user, app, "post_logout_redirect_uris");
    scopes_check(request);
}

void app_new_defaults(const struct user *owner, struct app *app) {
    *app = (struct app){
        .user_id = owner->user_id,
        .owner_username = owner->username,
        .redirect_uris = SLICE(""),
        .allowed_scopes = SLICE(""),
        .active = true,
        .public = true,
        .refresh_token_lifetime_days = REFRESH_DAYS_DEFAULT,
        .metadata = client_metadata_default,
    };
}

enum error app_new_check(struct request *request, const struct user *user, struct app *app) {
    if (!fields_check(request, app_fields, FIELDS_OF_NEW))
        return request_validation(request);
    app_new_defaults(user, app);
    unsigned columns = fields_apply(request, app);
    app->active = true;
    rules_check(request, user, app, FIELDS_OF_NEW, columns);
    enum error error = redirect_uris_count_check(request, user);
    if (error || (error = request_validation(request)))
        return error;
    struct value *facts = app_facts_whole(request, user, app);
    struct verdict verdict = policy_may_create(request->service->policy, request->arena, facts);
    audit_decision(request, facts);
    if (!verdict.allowed)
        return refuse(request, user, app, verdict.reason);
    return may_register_check(request, user, app, SLICE_NONE);
}

enum error app_change_check(struct request *request, const struct user *user, struct app *app, unsigned *columns) {
    if (!fields_check(request, app_fields, FIELDS_OF_CHANGE))
        return request_validation(request);
    const struct app before = *app;
    *columns = fields_apply(request, app);
    rules_check(request, user, app, FIELDS_OF_CHANGE, *columns);
    enum error error = redirect_uris_count_check(request, user);
    if (error || (error = request_validation(request)))
        return error;
    struct value *facts = app_facts_whole(request, user, app);
    value_set_value(facts, "before", facts_app(request->arena, &before));
    struct verdict verdict = policy_may_edit(request->service->policy, request->arena, facts);
    audit_decision(request, facts);
    if (!verdict.allowed)
        return refuse(request, user, app, verdict.reason);
    return may_register_check(request, user, app, before.allowed_scopes);
}
