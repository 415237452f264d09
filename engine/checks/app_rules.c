#include "checks/app_rules.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "checks/redirect_uri.h"
#include "checks/scope.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "policy/facts.h"

#include <ctype.h>

enum { REFRESH_DAYS_DEFAULT = 30 };

const struct field app_fields[] = {
    {"name", FIELD_TEXT, .required = true, .min = 3, .max = 64},
    {"description", FIELD_TEXT, .nullable = true, .max = 1000},
    {"redirect_uris", FIELD_TEXTS, .required = true, .min = 1, .max = 10},
    {"homepage_url", FIELD_URL, .nullable = true},
    {"logo_url", FIELD_URL, .nullable = true},
    {.name = "public", .kind = FIELD_BOOL},
    {"refresh_token_lifetime_days", FIELD_INT, .min = 1, .max = 365},
    {"allowed_scopes", FIELD_TEXTS, .nullable = true, .max = SCOPE_COUNT_MAX},
    {"token_endpoint_auth_method", FIELD_TEXT, .nullable = true, .max = 64},
    {0},
};

bool app_name_is_valid(struct slice name) {
    if (!name.len || name.at[0] == ' ' || name.at[name.len - 1] == ' ')
        return false;
    uint32_t rune;
    while (name.len) {
        size_t step = utf8_next(name, &rune);
        if (!step || !(utf8_is_letter(rune) || (rune < 0x80 && (isdigit((int)rune) || strchr("_ -.", (int)rune)))))
            return false;
        name = slice_from(name, step);
    }
    return true;
}

static struct value *facts_of(struct request *request, const struct user *user, const struct app *app) {
    struct value *facts = facts_base(request->arena, clock_now_s(), request->address, request->user_agent);
    value_set_value(facts, "user", facts_user(request->arena, user));
    value_set_value(facts, "app", facts_app(request->arena, app));
    return facts;
}

static void redirect_uris_check(struct request *request, const struct user *user, const struct app *app) {
    const struct value *list = field_failed(request, "redirect_uris", -1) ? NULL : field_list(request, "redirect_uris");
    int index = 0;
    for (const struct value *item = list ? list->first : NULL; item; item = item->next, index++) {
        struct uri uri;
        if (field_failed(request, "redirect_uris", index))
            continue;
        if (!uri_parse(request->arena, item->text, &uri) || uri.has_fragment || uri.has_userinfo) {
            request_invalid(request, "body", "redirect_uris", index, "url",
                            "must be an absolute URI without fragment and user name");
            continue;
        }
        struct value *facts = facts_of(request, user, app);
        value_set_text(request->arena, facts, "redirect_uri", item->text);
        struct verdict verdict = policy_redirect_uri(request->service->policy, request->arena, facts);
        if (!verdict.allowed)
            request_invalid(request, "body", "redirect_uris", index, "url", "%.*s", SLICE_ARG(verdict.reason));
    }
}

static void scopes_check(struct request *request) {
    const struct value *list =
        field_failed(request, "allowed_scopes", -1) ? NULL : field_list(request, "allowed_scopes");
    int index = 0;
    for (const struct value *item = list ? list->first : NULL; item; item = item->next, index++)
        if (!field_failed(request, "allowed_scopes", index) &&
            !slice_is_set(policy_scope_describe(request->service->policy, request->arena, item->text)))
            request_invalid(request, "body", "allowed_scopes", index, "string_pattern", "there is no such scope");
}

static bool auth_method_is_known(struct slice method) {
    return slice_is(method, "client_secret_basic") || slice_is(method, "client_secret_post") ||
           slice_is(method, "none");
}

/* Each list once, as text separated by spaces. */
static struct slice names_of(struct request *request, const char *field) {
    const struct value *list = field_list(request, field);
    struct value *once = value_list(request->arena);
    for (const struct value *item = list ? list->first : NULL; item; item = item->next)
        if (item->kind == VALUE_TEXT && !scope_holds(once, item->text))
            value_append_text(request->arena, once, item->text);
    return names_join(request->arena, once);
}

static enum error policies_check(struct request *request, const struct user *user, const struct app *app) {
    struct verdict verdict = policy_may_create(request->service->policy, request->arena, facts_of(request, user, app));
    if (!verdict.allowed)
        return fail(request, ERROR_FORBIDDEN, "%.*s", SLICE_ARG(verdict.reason));
    struct slice rest = app->allowed_scopes;
    while (rest.len) {
        struct value *facts = facts_of(request, user, app);
        value_set_text(request->arena, facts, "scope", slice_cut(&rest, ' '));
        verdict = policy_may_register(request->service->policy, request->arena, facts);
        if (!verdict.allowed)
            return fail(request, ERROR_FORBIDDEN, "%.*s", SLICE_ARG(verdict.reason));
    }
    return ERROR_NONE;
}

enum error app_new_check(struct request *request, const struct user *user, struct app *app) {
    if (!fields_check(request, app_fields))
        return request_validation(request);
    *app = (struct app){
        .user_id = user->user_id,
        .owner_username = user->username,
        .name = field_text(request, "name"),
        .description = field_text(request, "description"),
        .redirect_uris = names_of(request, "redirect_uris"),
        .homepage_url = field_text(request, "homepage_url"),
        .logo_url = field_text(request, "logo_url"),
        .active = true,
        .public = field_bool(request, "public", true),
        .refresh_token_lifetime_days = field_int(request, "refresh_token_lifetime_days", REFRESH_DAYS_DEFAULT),
        .allowed_scopes = names_of(request, "allowed_scopes"),
        .token_endpoint_auth_method = field_text(request, "token_endpoint_auth_method"),
    };
    if (!field_failed(request, "name", -1) && !app_name_is_valid(app->name))
        request_invalid(request, "body", "name", -1, "string_pattern",
                        "name may hold letters, digits, '_', '-', '.' and inner spaces");
    if (slice_is_set(app->token_endpoint_auth_method) && !field_failed(request, "token_endpoint_auth_method", -1) &&
        !auth_method_is_known(app->token_endpoint_auth_method))
        request_invalid(request, "body", "token_endpoint_auth_method", -1, "string_pattern",
                        "must be client_secret_basic, client_secret_post or none");
    redirect_uris_check(request, user, app);
    scopes_check(request);
    enum error error = request_validation(request);
    return error ? error : policies_check(request, user, app);
}

enum error app_store(struct request *request, struct app *app, struct slice *client_secret) {
    struct arena *arena = request->arena;
    char app_id[UUID_LEN + 1], client_id[CLIENT_ID_LEN + 1], secret[CLIENT_SECRET_LEN + 1];
    unsigned char hash[SECRET_HASH_SIZE];
    uuid_timed(app_id);
    client_id_mint(client_id);
    client_secret_mint(secret);
    secret_hash(request->service->keyring, slice_of(secret), hash);
    app->app_id = arena_copy(arena, slice_of(app_id));
    if (!slice_is_set(app->client_id))
        app->client_id = arena_copy(arena, slice_of(client_id));
    app->created_at = app->updated_at = clock_now_s();
    *client_secret = arena_copy(arena, slice_of(secret));

    struct batch batch = batch_in(arena);
    struct rows *made =
        batch_add(&batch, STATEMENT_app_insert, db_text(app->app_id), db_text(app->client_id), db_text(app->user_id),
                  db_text(app->name), db_text(utf8_lower(arena, app->name)), db_text(app->description),
                  db_text(app->redirect_uris), db_text(app->homepage_url), db_text(app->logo_url), db_bool(app->public),
                  db_int(app->refresh_token_lifetime_days), db_text(app->allowed_scopes),
                  db_text(app->token_endpoint_auth_method), db_blob(hash, sizeof(hash)), db_int(app->created_at));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (made->count == 0)
        return fail(request, ERROR_CONFLICT, "An app with this name exists already.");
    return ERROR_NONE;
}
