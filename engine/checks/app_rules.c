#include "checks/app_rules.h"

#include "base/utf8.h"
#include "checks/redirect_uri.h"
#include "checks/scope.h"
#include "policy/facts.h"
#include "registry/audit.h"

#include <ctype.h>

enum { REFRESH_DAYS_DEFAULT = 30 };

const struct field app_fields[] = {
    {"name", FIELD_TEXT, FIELD_REQUIRED, 3, 64,
     "Letters, digits, \"_\", \"-\", \".\" and inner spaces; unique regardless of case."},
    {"description", FIELD_TEXT, FIELD_NULLABLE, 0, 1000, "What users read on the consent page."},
    {"redirect_uris", FIELD_TEXTS, FIELD_REQUIRED, 1, 10, "Absolute URIs without fragment, as the policy allows."},
    {"homepage_url", FIELD_URL, FIELD_NULLABLE, 0, 0, "An http or https URL."},
    {"logo_url", FIELD_URL, FIELD_NULLABLE, 0, 0, "An http or https URL."},
    {"public", FIELD_BOOL, 0, 0, 0, "Whether others find it in listings; true when left out."},
    {"refresh_token_lifetime_days", FIELD_INT, 0, 1, 365, "How long it may stay away; 30 when left out."},
    {"allowed_scopes", FIELD_TEXTS, FIELD_NULLABLE, 0, SCOPE_COUNT_MAX, "Privileged scopes that it may ask for."},
    {"token_endpoint_auth_method", FIELD_TEXT, FIELD_NULLABLE, 0, 64,
     "client_secret_basic, client_secret_post or none (RFC 7591); null: whichever it uses."},
    {"active", FIELD_BOOL, FIELD_CHANGE_ONLY, 0, 0, "false stops every token of the app at once."},
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

static struct value *app_facts(struct request *request, const struct user *user, const struct app *app) {
    struct value *facts = facts_of(request);
    facts_add_user(request->arena, facts, user);
    facts_add_app(request->arena, facts, app);
    return facts;
}

/* What the policy does not allow is recorded, as every refusal of a policy is. */
static enum error refuse(struct request *request, const struct user *user, const struct app *app, struct slice reason) {
    audit_event(request, AUDIT_REFUSAL, user, app, reason);
    return fail(request, ERROR_FORBIDDEN, "%.*s", SLICE_ARG(reason));
}

static void redirect_uris_check(struct request *request, const struct user *user, const struct app *app) {
    const struct value *list =
        field_failed(request, "redirect_uris", -1) ? NULL : field_list(request->json, "redirect_uris");
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
        struct value *facts = app_facts(request, user, app);
        value_set_text(request->arena, facts, "redirect_uri", item->text);
        struct verdict verdict = policy_redirect_uri(request->service->policy, request->arena, facts);
        audit_decision(request, facts);
        if (verdict.allowed)
            continue;
        request_invalid(request, "body", "redirect_uris", index, "url", "%.*s", SLICE_ARG(verdict.reason));
        audit_event(request, AUDIT_REFUSAL, user, app, verdict.reason);
    }
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

static bool auth_method_is_known(struct slice method) {
    return slice_is(method, "client_secret_basic") || slice_is(method, "client_secret_post") ||
           slice_is(method, "none");
}

/* Each list once, as text separated by spaces. */
static struct slice names_of(struct request *request, const char *field) {
    const struct value *list = field_list(request->json, field);
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

/* The fields of the body over those of *app; the bits of those that are there. */
static unsigned fields_apply(struct request *request, struct app *app) {
    const struct value *json = request->json;
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
                 {"token_endpoint_auth_method", &app->token_endpoint_auth_method}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (value_get(json, texts[i].name))
            *texts[i].text = field_text(json, texts[i].name);
    if (value_get(json, "redirect_uris"))
        app->redirect_uris = names_of(request, "redirect_uris");
    if (value_get(json, "allowed_scopes"))
        app->allowed_scopes = names_of(request, "allowed_scopes");
    app->public = field_bool(json, "public", app->public);
    app->active = field_bool(json, "active", app->active);
    app->refresh_token_lifetime_days = field_int(json, "refresh_token_lifetime_days", app->refresh_token_lifetime_days);
    return columns;
}

/* What a table of fields cannot say. */
static void rules_check(struct request *request, const struct user *user, const struct app *app) {
    struct slice name = field_text(request->json, "name");
    if (slice_is_set(name) && !field_failed(request, "name", -1) && !app_name_is_valid(name))
        request_invalid(request, "body", "name", -1, "string_pattern",
                        "name may hold letters, digits, '_', '-', '.' and inner spaces");
    struct slice method = field_text(request->json, "token_endpoint_auth_method");
    if (slice_is_set(method) && !field_failed(request, "token_endpoint_auth_method", -1) &&
        !auth_method_is_known(method))
        request_invalid(request, "body", "token_endpoint_auth_method", -1, "string_pattern",
                        "must be client_secret_basic, client_secret_post or none");
    redirect_uris_check(request, user, app);
    scopes_check(request);
}

enum error app_new_check(struct request *request, const struct user *user, struct app *app) {
    if (!fields_check(request, app_fields, FIELDS_OF_NEW))
        return request_validation(request);
    *app = (struct app){
        .user_id = user->user_id,
        .owner_username = user->username,
        .allowed_scopes = SLICE(""),
        .active = true,
        .public = true,
        .refresh_token_lifetime_days = REFRESH_DAYS_DEFAULT,
    };
    fields_apply(request, app);
    app->active = true;
    rules_check(request, user, app);
    enum error error = request_validation(request);
    if (error)
        return error;
    struct value *facts = app_facts(request, user, app);
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
    rules_check(request, user, app);
    enum error error = request_validation(request);
    if (error)
        return error;
    struct value *facts = app_facts(request, user, app);
    value_set_value(facts, "before", facts_app(request->arena, &before));
    struct verdict verdict = policy_may_edit(request->service->policy, request->arena, facts);
    audit_decision(request, facts);
    if (!verdict.allowed)
        return refuse(request, user, app, verdict.reason);
    return may_register_check(request, user, app, before.allowed_scopes);
}
