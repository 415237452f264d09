#include "policy/declared.h"

#include "base/buffer.h"

#include <stdio.h>

#define CONSENT "consent.decide consent.page"
#define GRANT "scopes.grant " CONSENT
#define MANAGED "apps.may_create apps.may_edit apps.redirect_uri scopes.may_register"
#define OF_APP \
    GRANT " tokens.lifetimes tokens.format tokens.resource tokens.exchange claims.id_token apps.may_register " MANAGED
#define OF_USER \
    GRANT " tokens.lifetimes tokens.format tokens.exchange claims.id_token " MANAGED \
          " apps.listing apps.present apps.may_register claims.userinfo login.allow login.second_factor " \
          "login.count_fell quotas.limits"

const struct declared_fact declared_facts[] = {
    {"now", NULL, "the time, in Unix seconds", "time.utc(facts.now).weekday > 5"},
    {"request.address", NULL, "the peer's numeric address; at the command line `command line`",
     "not address.within(facts.request.address, \"203.0.113.0/24\")"},
    {"request.country", NULL,
     "its country, two letters (ISO 3166-1); nil without `country_database` in the settings, or where that knows none",
     "facts.request.country == \"AQ\""},
    {"request.user_agent", NULL, "the browser, as it calls itself; or nil",
     "(facts.request.user_agent or \"\"):find(\"curl/\", 1, true) ~= nil"},
    {"request.language", NULL, "the language of the pages, from Accept-Language: `en`, `de` or what you add",
     "facts.request.language ~= \"en\""},

    {"user.user_id", OF_USER, "their id, forever the same", "facts.user.user_id == facts.owner.user_id"},
    {"user.username", OF_USER, "their name, unique", "facts.user.username:find(\"^test%-\") ~= nil"},
    {"user.hotkey", OF_USER, "their SS58 address, or nil", "facts.user.hotkey == nil"},
    {"user.roles", OF_USER, "a list of names", "not list.has(facts.user.roles, \"staff\")"},
    {"user.created_at", OF_USER, "when the account was made", "facts.now - facts.user.created_at < 7 * time.day"},
    {"user.sign_in.method", OF_USER,
     "how they proved who they are: `fingerprint`, `hotkey`, `passkey`, or `fingerprint+passkey`, `hotkey+passkey`; "
     "and in a call of the API `api_key` or `signature`",
     "facts.user.sign_in.method ~= \"hotkey\""},
    {"user.sign_in.at", OF_USER, "when they did", "facts.now - facts.user.sign_in.at > time.hour"},

    {"app.app_id", OF_APP " claims.userinfo", "its id", "facts.app.app_id == \"01a218f9-5c48-707f-a9e3-efb7b880d913\""},
    {"app.client_id", OF_APP " claims.userinfo", "its OAuth name",
     "facts.app.client_id == \"cid_abcdefghijklmnopqrstuvwx\""},
    {"app.name", OF_APP, "its name, unique", "facts.app.name:lower():find(\"official\", 1, true) ~= nil"},
    {"app.description", OF_APP, "its maker's words, or nil", "facts.app.description == nil"},
    {"app.homepage_url", OF_APP, "its homepage, or nil", "not (facts.app.homepage_url or \"\"):find(\"^https:\")"},
    {"app.allowed_scopes", OF_APP, "a list: the privileged scopes that it may ask for",
     "list.find(facts.app.allowed_scopes, scopes.privileged) ~= nil"},
    {"app.public", OF_APP, "whether others find it in listings", "not facts.app.public"},
    {"app.refresh_token_lifetime_days", OF_APP, "as its owner set it", "facts.app.refresh_token_lifetime_days > 30"},
    {"app.token_endpoint_auth_method", OF_APP,
     "how it has to prove itself to `/idp/token` (RFC 7591 §2): `none`: not at all; `any`: as it likes, or by PKCE "
     "alone",
     "facts.app.token_endpoint_auth_method == \"none\""},
    {"app.created_at", OF_APP, "when it was made; nil where it is being made",
     "facts.now - (facts.app.created_at or facts.now) < time.day"},
    {"app.users", OF_APP, "how many people allow it something; up to a second old", "facts.app.users > 100"},
    {"app.shares", OF_APP, "with how many people it is shared; up to a second old", "facts.app.shares == 0"},
    {"owner.user_id", OF_APP, "who made the app", "facts.owner.user_id ~= facts.user.user_id"},
    {"owner.username", OF_APP, "their name", "facts.owner.username ~= \"acme\""},

    {"requested", GRANT, "a list: the scopes that are asked for, each of which `describe` knows",
     "list.has(facts.requested, \"admin\")"},
    {"previous.scopes", GRANT,
     "a list: what this user allows this app already; where nothing, `previous` is nil, as in all of these",
     "facts.previous ~= nil and list.has(facts.previous.scopes, \"admin\")"},
    {"previous.created_at", GRANT, "when they first did",
     "facts.previous ~= nil and facts.now - facts.previous.created_at > 365 * time.day"},
    {"previous.updated_at", GRANT, "when they last did",
     "facts.previous == nil or facts.now - facts.previous.updated_at > 90 * time.day"},
    {"prompt", GRANT, "OpenID Connect's parameter, as sent; or nil", "facts.prompt == \"none\""},
    {"grant_type", GRANT,
     "`authorization_code`, `refresh_token`, `client_credentials` (then there is no user) or one of the longer names "
     "of "
     "device codes and token exchange",
     "facts.grant_type == \"refresh_token\""},
    {"redirect_uri", CONSENT " apps.redirect_uri", "where the answer goes, or is to go one day; empty for a device",
     "facts.redirect_uri:find(\"^http:\") ~= nil"},
    {"pkce", CONSENT,
     "whether the request has a code_challenge (RFC 7636); a public app cannot redeem its code without",
     "not facts.pkce"},
    {"resources", CONSENT " tokens.lifetimes tokens.format tokens.exchange",
     "a list: what the tokens are for (RFC 8707); nil when nothing is named",
     "facts.resources ~= nil and list.has(facts.resources, \"https://api.example/\")"},
    {"resource", "tokens.resource", "one of them, which the app asks for",
     "facts.resource:find(\"^https://api%.example/\") ~= nil"},
    {"claims", "claims.userinfo claims.id_token",
     "OpenID Connect's parameter, as asked: `userinfo` and `id_token`, each with claims by name; or nil",
     "facts.claims ~= nil and facts.claims.userinfo ~= nil"},
    {"subject_token.client_id", "tokens.exchange", "whose token is to be exchanged",
     "facts.subject_token.client_id == facts.app.client_id"},
    {"subject_token.scopes", "tokens.exchange", "a list: what it is good for",
     "list.has(facts.subject_token.scopes, \"account:write\")"},
    {"subject_token.is_bound", "tokens.exchange",
     "whether it is bound to a key (RFC 9449), which the app has then proven to have, and to which the new one is "
     "bound",
     "not facts.subject_token.is_bound"},
    {"scopes", "tokens.lifetimes tokens.format tokens.exchange claims.userinfo claims.id_token",
     "a list: what the token is good for", "list.has(facts.scopes, \"account:write\")"},
    {"scope", "scopes.may_register", "the privileged scope that the app wants",
     "facts.scope:find(\":delete\", 1, true) ~= nil"},
    {"before", "apps.may_edit", "the app as it is, with the parts of `app`, which is what it would become",
     "facts.before.name ~= facts.app.name"},
    {"resembles_brand", "apps.may_create apps.may_edit",
     "whether the app's name looks like the brand's (`branding` in the settings), or has it in it",
     "facts.resembles_brand"},
    {"passkeys", "login.second_factor", "how many passkeys they have", "facts.passkeys == 0"},
    {"passkey.sign_count", "login.count_fell", "how often it has been used, as it says now; 0 where it does not count",
     "facts.passkey.sign_count > 0"},
    {"passkey.last_sign_count", "login.count_fell",
     "the same, when it was used last; not less than `passkey.sign_count`",
     "facts.passkey.last_sign_count - facts.passkey.sign_count > 1"},
    {"passkey.is_synced", "login.count_fell", "whether it says that it may be on several devices",
     "not facts.passkey.is_synced"},
    {"passkey.was_synced", "login.count_fell",
     "whether it said so when it was made; false of those made before 2026-12", "not facts.passkey.was_synced"},
    {"include_public", "apps.listing", "true, false, or nil when not said", "facts.include_public == false"},
    {"include_shared", "apps.listing", "the same", "facts.include_shared == false"},
    {"order", "apps.listing", "`newest`, `name` or `popular`, or nil when not said", "facts.order == \"popular\""},
    {.name = NULL},
};

static bool is_told(const struct declared_fact *fact, const char *function) {
    struct slice names = slice_of(fact->functions);
    if (!function || !slice_is_set(names))
        return true;
    while (slice_is_set(names))
        if (slice_is(slice_cut(&names, ' '), function))
            return true;
    return false;
}

/* "user" begins "user.roles". */
static bool begins(struct slice path, struct slice longer) {
    return longer.len > path.len && longer.at[path.len] == '.' && memcmp(path.at, longer.at, path.len) == 0;
}

static enum fact_status status_of(const char *function, struct slice path) {
    enum fact_status status = FACT_UNKNOWN;
    for (const struct declared_fact *fact = declared_facts; fact->name; fact++) {
        struct slice name = slice_of(fact->name);
        bool is_part = begins(path, name), is_whole = slice_equal(path, name) || begins(name, path);
        if (!is_part && !is_whole)
            continue;
        enum fact_status here = !is_told(fact, function) ? FACT_ELSEWHERE : is_part ? FACT_PARTS : FACT_WHOLE;
        status = here > status ? here : status;
    }
    return status;
}

/* An app of another name. */
static const struct slice before = {"before", 6};

enum fact_status fact_status(const char *function, struct slice path) {
    char of_app[64] = "app";
    bool is_all = slice_equal(path, before);
    if (!is_all && !begins(before, path))
        return status_of(function, path);
    snprintf(of_app + 3, sizeof(of_app) - 3, "%.*s", SLICE_ARG(slice_from(path, before.len)));
    enum fact_status all = status_of(function, before), part = status_of(NULL, slice_of(of_app));
    return part == FACT_UNKNOWN || all == FACT_ELSEWHERE ? (part < all ? part : all) : part;
}

struct slice facts_known(struct arena *arena, const char *function, struct slice path) {
    struct buffer known = buffer_in(arena);
    if (slice_equal(path, before))
        return facts_known(arena, NULL, SLICE("app"));
    struct slice last = SLICE_NONE; /* the parts of one stand together */
    for (const struct declared_fact *fact = declared_facts; fact->name; fact++) {
        struct slice name = slice_of(fact->name);
        if (!is_told(fact, function) || (path.len && !begins(path, name)))
            continue;
        struct slice rest = slice_from(name, path.len ? path.len + 1 : 0), part = slice_cut(&rest, '.');
        if (!slice_equal(part, last))
            buffer_printf(&known, "%s%.*s", known.len ? ", " : "", SLICE_ARG(part));
        last = part;
    }
    return buffer_slice(&known);
}

int facts_argument(const char *function) {
    static const char *const of_scopes[] = {"scopes.describe", "scopes.privileged", "scopes.permits"};
    for (size_t i = 0; i < sizeof(of_scopes) / sizeof(*of_scopes); i++)
        if (strcmp(function, of_scopes[i]) == 0)
            return 0;
    return strcmp(function, "apps.present") == 0 ? 2 : 1;
}
