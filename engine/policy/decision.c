/* The typed functions of policy.h. Whatever goes wrong in a call denies and is logged; the log tells
 * the operator what the answer does not tell the user. */
#include "policy/call.h"
#include "policy/policy_state.h"
#include "policy/shadow.h"

#define WORDS(literal) \
    { literal, sizeof(literal) - 1 }
static const struct slice failed_words = WORDS("This could not be decided: the server's policy failed.");
static const struct slice denied_words = WORDS("The server's policy does not allow this.");

static struct slice reason_of(const struct value *text) {
    return text && text->kind == VALUE_TEXT ? text->text : denied_words;
}

static struct verdict verdict(struct policy *policy, enum policy_function function, struct arena *arena,
                              const struct value *facts) {
    struct policy_call call = {.policy = policy, .function = function, .arena = arena, .arguments = {facts}};
    if (!policy_call(&call))
        return (struct verdict){false, failed_words};
    if (call.results[0]->boolean)
        return (struct verdict){true, SLICE_NONE};
    return (struct verdict){false, reason_of(call.results[1])};
}

/* --- settings.lua --- */

/* Texts too: what it returns outlives the policy. */
static void texts_copy(struct arena *arena, struct value *value) {
    value->name = arena_copy(arena, value->name);
    if (value->kind == VALUE_TEXT)
        value->text = arena_copy(arena, value->text);
    if (value->kind == VALUE_LIST || value->kind == VALUE_MAP)
        for (struct value *child = value->first; child; child = child->next)
            texts_copy(arena, child);
}

const struct value *policy_settings(struct policy *policy, struct arena *arena) {
    struct value *settings = value_copy(arena, policy->data[DATA_settings]);
    texts_copy(arena, settings);
    return settings;
}

/* --- scopes.lua --- */

const struct value *policy_scope_catalog(struct policy *policy) {
    return policy->data[DATA_scopes_catalog];
}

const struct value *policy_scope_default(struct policy *policy) {
    return policy->data[DATA_scopes_default];
}

struct slice policy_scope_describe(struct policy *policy, struct arena *arena, struct slice scope) {
    const struct value *entry = policy->data[DATA_scopes_catalog]->first;
    for (; entry; entry = entry->next)
        if (slice_equal(value_get_text(entry, "name"), scope))
            return value_get_text(entry, "description");
    const struct value name = {.kind = VALUE_TEXT, .text = scope};
    struct policy_call call = {
        .policy = policy, .function = FUNCTION_scopes_describe, .arena = arena, .arguments = {&name}};
    if (!policy_call(&call) || call.results[0]->kind != VALUE_TEXT)
        return SLICE_NONE;
    return call.results[0]->text;
}

struct verdict policy_may_register(struct policy *policy, struct arena *arena, const struct value *facts) {
    return verdict(policy, FUNCTION_scopes_may_register, arena, facts);
}

bool policy_permits(struct policy *policy, struct arena *arena, const struct value *scopes, const struct value *need) {
    struct policy_call call = {
        .policy = policy, .function = FUNCTION_scopes_permits, .arena = arena, .arguments = {scopes, need}};
    return policy_call(&call) && call.results[0]->boolean;
}

struct grant_decision policy_grant(struct policy *policy, struct arena *arena, const struct value *facts) {
    struct policy_call call = {
        .policy = policy, .function = FUNCTION_scopes_grant, .arena = arena, .arguments = {facts}};
    if (!policy_call(&call))
        return (struct grant_decision){.reason = failed_words};
    const struct value *granted = value_get(call.results[0], "granted");
    struct slice denied = value_get_text(call.results[0], "denied");
    if (granted)
        return (struct grant_decision){.granted = true, .scopes = granted};
    return (struct grant_decision){.denied = denied, .reason = reason_of(value_get(call.results[0], "reason"))};
}

/* --- consent.lua --- */

struct consent_decision policy_consent(struct policy *policy, struct arena *arena, const struct value *facts) {
    struct policy_call call = {
        .policy = policy, .function = FUNCTION_consent_decide, .arena = arena, .arguments = {facts}};
    if (!policy_call(&call))
        return (struct consent_decision){CONSENT_DENY, failed_words};
    if (slice_is(call.results[0]->text, "ask"))
        return (struct consent_decision){CONSENT_ASK, SLICE_NONE};
    if (slice_is(call.results[0]->text, "skip"))
        return (struct consent_decision){CONSENT_SKIP, SLICE_NONE};
    return (struct consent_decision){CONSENT_DENY, reason_of(call.results[1])};
}

static const struct value *value_decision(struct policy *policy, enum policy_function function, struct arena *arena,
                                          const struct value *facts) {
    struct policy_call call = {.policy = policy, .function = function, .arena = arena, .arguments = {facts}};
    return policy_call(&call) ? call.results[0] : NULL;
}

const struct value *policy_consent_page(struct policy *policy, struct arena *arena, const struct value *facts) {
    return value_decision(policy, FUNCTION_consent_page, arena, facts);
}

/* --- apps.lua, claims.lua, tokens.lua, login.lua --- */

struct verdict policy_may_create(struct policy *policy, struct arena *arena, const struct value *facts) {
    return verdict(policy, FUNCTION_apps_may_create, arena, facts);
}

struct verdict policy_may_edit(struct policy *policy, struct arena *arena, const struct value *facts) {
    return verdict(policy, FUNCTION_apps_may_edit, arena, facts);
}

static bool is_true(const struct value *decision, const char *name) {
    const struct value *member = value_get(decision, name);
    return member && member->kind == VALUE_BOOL && member->boolean;
}

static bool is_searched(const struct value *decision, const char *column) {
    const struct value *columns = value_get(decision, "search_in");
    if (!columns || columns->kind != VALUE_LIST)
        return true;
    for (const struct value *one = columns->first; one; one = one->next)
        if (slice_is(one->text, column))
            return true;
    return false;
}

bool policy_listing(struct policy *policy, struct arena *arena, const struct value *facts,
                    struct listing_decision *decision) {
    enum { LIMIT_MAX = 100 };
    const struct value *result = value_decision(policy, FUNCTION_apps_listing, arena, facts);
    if (!result)
        return false;
    bool all = is_true(result, "all");
    const struct value *limit_max = value_get(result, "limit_max"), *before = value_get(result, "public_before");
    struct slice order = value_get_text(result, "order");
    *decision = (struct listing_decision){
        .listed = all || is_true(result, "public"),
        .unlisted = all,
        .own = !all && is_true(result, "own"),
        .shared = !all && is_true(result, "shared"),
        .in_name = is_searched(result, "name"),
        .in_description = is_searched(result, "description"),
        .in_homepage_url = is_searched(result, "homepage_url"),
        .order = slice_is(order, "name")      ? LISTING_NAME
                 : slice_is(order, "popular") ? LISTING_POPULAR
                                              : LISTING_NEWEST,
        .limit_max = limit_max && limit_max->kind == VALUE_INT ? limit_max->integer : LIMIT_MAX,
        .listed_before_s = !all && before && before->kind == VALUE_INT ? before->integer : INT64_MAX,
    };
    return true;
}

struct value *policy_present(struct policy *policy, struct arena *arena, struct value *app,
                             const struct value *viewer) {
    struct policy_call call = {
        .policy = policy, .function = FUNCTION_apps_present, .arena = arena, .arguments = {app, viewer}};
    if (!policy_call(&call))
        return NULL;
    struct value *seen = call.results[0];
    for (const struct value *member = app->first; member; member = member->next)
        if (member->kind == VALUE_NULL && !value_get_slice(seen, member->name)) /* nil to Lua */
            value_set(seen, member->name, value_null(arena));
    return seen;
}

struct verdict policy_redirect_uri(struct policy *policy, struct arena *arena, const struct value *facts) {
    return verdict(policy, FUNCTION_apps_redirect_uri, arena, facts);
}

const struct value *policy_id_token(struct policy *policy, struct arena *arena, const struct value *facts) {
    return value_decision(policy, FUNCTION_claims_id_token, arena, facts);
}

bool policy_token_format(struct policy *policy, struct arena *arena, const struct value *facts,
                         enum token_format *format) {
    const struct value *decision = value_decision(policy, FUNCTION_tokens_format, arena, facts);
    *format = decision && slice_is(decision->text, "jwt") ? TOKEN_FORMAT_JWT : TOKEN_FORMAT_OPAQUE;
    return decision != NULL;
}

struct verdict policy_resource(struct policy *policy, struct arena *arena, const struct value *facts) {
    return verdict(policy, FUNCTION_tokens_resource, arena, facts);
}

struct verdict policy_exchange(struct policy *policy, struct arena *arena, const struct value *facts) {
    return verdict(policy, FUNCTION_tokens_exchange, arena, facts);
}

struct verdict policy_may_register_client(struct policy *policy, struct arena *arena, const struct value *facts) {
    return verdict(policy, FUNCTION_apps_may_register, arena, facts);
}

const struct value *policy_userinfo(struct policy *policy, struct arena *arena, const struct value *facts) {
    return value_decision(policy, FUNCTION_claims_userinfo, arena, facts);
}

bool policy_lifetimes(struct policy *policy, struct arena *arena, const struct value *facts, struct lifetimes *out) {
    const struct value *decision = value_decision(policy, FUNCTION_tokens_lifetimes, arena, facts);
    if (!decision)
        return false;
    *out = (struct lifetimes){
        .access_s = value_get(decision, "access")->integer,
        .refresh_s = value_get(decision, "refresh")->integer,
        .id_s = value_get(decision, "id")->integer,
    };
    return true;
}

struct verdict policy_login(struct policy *policy, struct arena *arena, const struct value *facts) {
    return verdict(policy, FUNCTION_login_allow, arena, facts);
}

bool policy_has_second_factor(struct policy *policy) {
    return policy_has(policy, FUNCTION_login_second_factor) || shadow_has(policy, FUNCTION_login_second_factor);
}

bool policy_second_factor(struct policy *policy, struct arena *arena, const struct value *facts) {
    const struct value *decision = value_decision(policy, FUNCTION_login_second_factor, arena, facts);
    return !decision || decision->boolean;
}

static struct login_limit limit_of(const struct value *limits, const char *name) {
    const struct value *limit = value_get(limits, name);
    if (!limit)
        return (struct login_limit){0, 1};
    return (struct login_limit){value_get(limit, "attempts")->integer, value_get(limit, "seconds")->integer};
}

struct login_limits policy_login_limits(struct policy *policy) {
    const struct value *limits = policy->data[DATA_login_limits];
    return (struct login_limits){limit_of(limits, "address"), limit_of(limits, "account")};
}

const struct value *policy_login_methods(struct policy *policy) {
    return policy->data[DATA_login_methods];
}

bool policy_offers_login(struct policy *policy, const char *method) {
    const struct value *offered = policy_login_methods(policy);
    for (const struct value *one = offered->first; one; one = one->next)
        if (slice_is(one->text, method))
            return true;
    return false;
}

bool policy_count_fell(struct policy *policy, struct arena *arena, const struct value *facts) {
    return verdict(policy, FUNCTION_login_count_fell, arena, facts).allowed;
}

bool policy_requires_user_verification(struct policy *policy) {
    const struct value *said = policy->data[DATA_login_user_verification];
    return said && slice_is(said->text, "required");
}

/* --- quotas.lua --- */

static void quota_read(const struct value *decision, const char *name, int64_t *quota) {
    const struct value *number = value_get(decision, name);
    if (number)
        *quota = number->integer;
}

bool policy_quotas(struct policy *policy, struct arena *arena, const struct value *facts, struct quotas *quotas) {
    *quotas = (struct quotas){.apps = 100, .redirect_uris = 10, .api_keys = 100, .passkeys = 20, .sessions = 100};
    const struct value *decision = value_decision(policy, FUNCTION_quotas_limits, arena, facts);
    quota_read(decision, "apps", &quotas->apps);
    quota_read(decision, "redirect_uris", &quotas->redirect_uris);
    quota_read(decision, "api_keys", &quotas->api_keys);
    quota_read(decision, "passkeys", &quotas->passkeys);
    quota_read(decision, "sessions", &quotas->sessions);
    return decision;
}
