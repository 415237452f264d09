/* The default policies against contract.md §7 and §5. */
#include "set.h"

static struct set set;

static struct slice describe(const char *scope) {
    return policy_scope_describe(set.policy, &arena, slice_of(scope));
}

static void loads_and_lists_the_catalog(void) {
    set = set_open(NULL, NULL);
    CHECK(set.policy != NULL);
    if (!set.policy) {
        printf("# %.*s\n", SLICE_ARG(set_error));
        exit(1);
    }
    const struct value *catalog = policy_scope_catalog(set.policy);
    CHECK_TEXT(string(value_get_text(catalog->first, "name")), "openid");
    CHECK_TEXT(text_of(policy_scope_default(set.policy)), "[\"profile\"]");
    CHECK_TEXT(text_of(policy_login_methods(set.policy)), "[\"fingerprint\",\"hotkey\",\"passkey\"]");
}

static void knows_every_scope_of_the_contract(void) {
    static const char *const named[] = {
        "openid",       "profile",       "profile:read",
        "balance",      "balance:read",  "billing:read",
        "quota",        "quota:read",    "usage",
        "usage:read",   "account:read",  "account:write",
        "secrets:read", "secrets:write", "chutes:read",
        "chutes:write", "chutes:delete", "chutes:invoke",
        "images:read",  "images:write",  "images:delete",
        "admin",        "read",          "write",
        "delete",       "invoke",        "invocations:read",
    };
    const struct value *catalog = policy_scope_catalog(set.policy);
    CHECK(catalog->count == sizeof(named) / sizeof(*named));
    for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++) {
        bool found = false;
        for (const struct value *entry = catalog->first; entry; entry = entry->next)
            found = found || slice_is(value_get_text(entry, "name"), named[i]);
        CHECK(found);
    }
}

static void describes_families_and_nothing_else(void) {
    static const char *const good[] = {"images:delete",    "invocations:invoke", "billing:write",
                                       "chutes:7f3a:read", "chutes:invoke:7f3a", "secrets:a-b_c.d~e:write",
                                       "chutes:*:read",    "chutes:invoke:*"};
    static const char *const bad[] = {"nothing",       "chutes",          "chutes:",         "chutes:fly",
                                      "chutes:1:fly",  "chutes:1:2:read", "rockets:read",    ":read",
                                      "chutes::read",  "Chutes:read",     "chutes:1:read:",  "chutes:a b:read",
                                      "profile:write", "balance:*:read",  "images:invoke:7", "chutes:write:7",
                                      "admin:admin",   "*:read",          "chutes:*",        "*"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        CHECK(describe(good[i]).len > 0);
        if (!describe(good[i]).len)
            printf("# %s\n", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        CHECK(!slice_is_set(describe(bad[i])));
        if (slice_is_set(describe(bad[i])))
            printf("# %s\n", bad[i]);
    }
    CHECK_TEXT(string(describe("chutes:*:read")), "See your chutes");
    CHECK_TEXT(string(describe("chutes:7f3a:delete")), "Delete your chute 7f3a");
}

static const char *granted(const char *requested, const char *allowed, const char *grant_type) {
    struct value *facts = json("{'user':{'user_id':'u','roles':[]}}"), *app = value_map(&arena);
    value_set_value(app, "allowed_scopes", json(allowed));
    value_set_value(facts, "app", app);
    value_set_value(facts, "requested", json(requested));
    value_set_text(&arena, facts, "grant_type", slice_of(grant_type));
    struct grant_decision decision = policy_grant(set.policy, &arena, facts);
    if (decision.granted)
        return text_of(decision.scopes);
    CHECK(decision.reason.len > 0);
    return arena_printf(&arena, "denied %.*s", SLICE_ARG(decision.denied)).at;
}

static void grants_what_is_not_privileged(void) {
    const char *code = "authorization_code";
    CHECK_TEXT(granted("['openid','profile']", "[]", code), "[\"openid\",\"profile\"]");
    CHECK_TEXT(granted("['chutes:read','chutes:1:read','chutes:invoke:1','invoke']", "[]", code),
               "[\"chutes:read\",\"chutes:1:read\",\"chutes:invoke:1\",\"invoke\"]");
    CHECK_TEXT(granted("[]", "[]", code), "[]");
}

static void privileged_scopes_must_stand_in_allowed_scopes(void) {
    static const char *const privileged[] = {"admin",         "account:write", "billing:read",
                                             "secrets:read",  "secrets:write", "chutes:write",
                                             "chutes:delete", "images:write",  "images:delete"};
    const char *code = "authorization_code";
    for (size_t i = 0; i < sizeof(privileged) / sizeof(*privileged); i++) {
        const char *one = arena_printf(&arena, "[\"%s\"]", privileged[i]).at;
        CHECK_TEXT(granted(one, "[]", code), arena_printf(&arena, "denied %s", privileged[i]).at);
        CHECK_TEXT(granted(one, one, code), one);
    }
    /* No way around by writing the same otherwise, or by a part of it. */
    CHECK_TEXT(granted("['chutes:*:write']", "[]", code), "denied chutes:*:write");
    CHECK_TEXT(granted("['chutes:1:write']", "[]", code), "denied chutes:1:write");
    CHECK_TEXT(granted("['chutes:1:write']", "['chutes:2:write']", code), "denied chutes:1:write");
    CHECK_TEXT(granted("['chutes:write']", "['chutes:1:write']", code), "denied chutes:write");
    CHECK_TEXT(granted("['chutes:1:write']", "['chutes:write']", code), "[\"chutes:1:write\"]");
    CHECK_TEXT(granted("['chutes:write']", "['chutes:*:write']", code), "[\"chutes:write\"]");
    CHECK_TEXT(granted("['secrets:delete']", "['admin']", code), "denied secrets:delete");
}

static void a_refresh_drops_what_was_lost(void) {
    CHECK_TEXT(granted("['profile','chutes:write','images:write']", "['images:write']", "refresh_token"),
               "[\"profile\",\"images:write\"]");
}

static bool registers(const char *scope, const char *roles) {
    struct value *facts = value_map(&arena), *user = value_map(&arena);
    value_set_value(user, "roles", json(roles));
    value_set_value(facts, "user", user);
    value_set_text(&arena, facts, "scope", slice_of(scope));
    struct verdict verdict = policy_may_register(set.policy, &arena, facts);
    CHECK(verdict.allowed || verdict.reason.len > 0);
    return verdict.allowed;
}

static void registering_privileged_scopes_needs_a_role(void) {
    CHECK(registers("chutes:read", "[]"));
    CHECK(!registers("chutes:write", "[]"));
    CHECK(!registers("chutes:1:write", "['billing_admin']"));
    CHECK(registers("chutes:write", "['unlimited_dev']"));
    CHECK(registers("admin", "['other','admin']"));
}

static bool permits(const char *scopes, const char *need) {
    return policy_permits(set.policy, &arena, json(scopes), json(need));
}

static void permits_what_the_words_say(void) {
    const char *read = "{'type':'account','action':'read'}", *write = "{'type':'account','action':'write'}";
    const char *run = "{'type':'chutes','action':'invoke','id':'7'}";
    CHECK(permits("['account:read']", read) && !permits("['account:read']", write));
    CHECK(permits("['profile','account:write']", write) && !permits("['account:write']", read));
    CHECK(permits("['admin']", read) && permits("['admin']", write) && permits("['admin']", run));
    CHECK(!permits("['profile','openid']", read) && !permits("[]", read));
    CHECK(permits("['chutes:invoke']", run) && permits("['chutes:invoke:7']", run));
    CHECK(permits("['chutes:7:invoke']", run) && permits("['chutes:*:invoke']", run));
    CHECK(!permits("['chutes:invoke:8']", run) && !permits("['chutes:read']", run));
    CHECK(!permits("['chutes:invoke:7']", "{'type':'chutes','action':'invoke'}"));
    CHECK(permits("['read']", read) && !permits("['read']", "{'type':'secrets','action':'read'}"));
    CHECK(!permits("['write','delete','invoke']", write));
    CHECK(permits("['balance']", "{'type':'balance','action':'read'}"));
}

static struct consent_decision consent(const char *requested, const char *previous, const char *prompt) {
    struct value *facts = value_map(&arena);
    value_set_value(facts, "requested", json(requested));
    if (previous)
        value_set_value(facts, "previous", json(previous));
    value_set_text(&arena, facts, "prompt", slice_of(prompt));
    return policy_consent(set.policy, &arena, facts);
}

static void consent_is_skipped_only_for_what_was_allowed(void) {
    const char *before = "{'scopes':['profile','chutes:read'],'created_at':1,'updated_at':1}";
    CHECK(consent("['profile']", NULL, NULL).choice == CONSENT_ASK);
    CHECK(consent("['profile']", before, NULL).choice == CONSENT_SKIP);
    CHECK(consent("['profile','chutes:1:read']", before, NULL).choice == CONSENT_SKIP);
    CHECK(consent("['profile','openid']", before, NULL).choice == CONSENT_ASK);
    CHECK(consent("['profile']", before, "consent").choice == CONSENT_ASK);
    CHECK(consent("['profile']", before, "none").choice == CONSENT_SKIP);
}

static void the_page_says_it_in_words(void) {
    const struct value *page = policy_consent_page(
        set.policy, &arena,
        json("{'requested':['chutes:write','openid','chutes:invoke:7','usage','chutes:1:delete']}"));
    CHECK_TEXT(text_of(value_get(page, "groups")),
               "[{\"scopes\":[{\"description\":\"Sign you in\",\"name\":\"openid\"}],\"title\":\"Know who you are\"},"
               "{\"scopes\":[{\"description\":\"Use your chute 7\",\"name\":\"chutes:invoke:7\"}],\"title\":\"Run\"},"
               "{\"scopes\":[{\"description\":\"Create and change your chutes\",\"name\":\"chutes:write\"},"
               "{\"description\":\"Delete your chute 1\",\"name\":\"chutes:1:delete\"}],\"title\":\"Change\"},"
               "{\"scopes\":[{\"description\":\"See how much you have used\",\"name\":\"usage\"}],\"title\":\"See\"}]");
    CHECK(value_get(page, "warnings")->count == 1);
    page = policy_consent_page(set.policy, &arena, json("{'requested':['profile']}"));
    CHECK(value_get(page, "warnings")->count == 0);
    page = policy_consent_page(set.policy, &arena, json("{'requested':['admin']}"));
    CHECK(strstr(text_of(page), "Take full control") != NULL);
}

static void redirect_uris_are_https_loopback_or_private(void) {
    static const char *const good[] = {"https://app.example/cb",     "https://app.example",   "HTTPS://a.b/",
                                       "http://127.0.0.1/cb",        "http://127.0.0.1:80/",  "http://[::1]:9/cb",
                                       "http://localhost:3000/?a=b", "com.example.app:/back", "com.example.app://x"};
    static const char *const bad[] = {"http://app.example/cb",
                                      "javascript:alert(1)",
                                      "data:text/html,x",
                                      "file:///etc/passwd",
                                      "myapp:/cb",
                                      "http://127.0.0.1.evil.x/",
                                      "http://localhostx/",
                                      "http://10.0.0.1/",
                                      "https:",
                                      "https:///x",
                                      "vbscript:x",
                                      "http://[::2]/",
                                      "http:/localhost",
                                      "http://localhost@evil.x/",
                                      "ftp://a.b/"};
    for (int is_good = 0; is_good < 2; is_good++) {
        const char *const *list = is_good ? good : bad;
        for (size_t i = 0; i < (is_good ? sizeof(good) : sizeof(bad)) / sizeof(*list); i++) {
            struct value *facts = value_map(&arena);
            value_set_text(&arena, facts, "redirect_uri", slice_of(list[i]));
            struct verdict verdict = policy_redirect_uri(set.policy, &arena, facts);
            CHECK(verdict.allowed == is_good);
            CHECK(verdict.allowed || verdict.reason.len > 0);
            if (verdict.allowed != is_good)
                printf("# %s\n", list[i]);
        }
    }
}

static void the_rest_decides(void) {
    CHECK_TEXT(text_of(policy_userinfo(set.policy, &arena,
                                       json("{'user':{'user_id':'u1','username':'ann','created_at':1795532645}}"))),
               "{\"created_at\":\"2026-11-24T15:04:05Z\",\"sub\":\"u1\",\"username\":\"ann\"}");
    struct lifetimes lifetimes;
    CHECK(policy_lifetimes(set.policy, &arena, json("{'app':{'refresh_token_lifetime_days':30}}"), &lifetimes));
    CHECK(lifetimes.access_s == 3600 && lifetimes.refresh_s == 30 * 86400 && lifetimes.id_s == 3600);
    CHECK(policy_login(set.policy, &arena, json("{'method':'hotkey'}")).allowed);
    CHECK(policy_may_create(set.policy, &arena, json("{}")).allowed);
    const struct value *settings = policy_settings(set.policy, &arena);
    CHECK(value_get(value_get(settings, "lifetimes"), "session")->integer == 604800);
    CHECK(metric_get(METRIC_policy_failures) == 0);
}

static void a_grant_is_quick(void) {
    enum { ROUNDS = 20000 };
    const struct value *facts =
        json("{'now':1795532645,'user':{'user_id':'0c4b8b1e-0000-4000-8000-000000000000','username':'ann',"
             "'roles':['unlimited_dev'],'created_at':1},'app':{'app_id':'a','client_id':'cid_x','name':'An app',"
             "'description':'words','allowed_scopes':['chutes:write'],'public':true,"
             "'refresh_token_lifetime_days':30,'created_at':1},'requested':['openid','profile','chutes:write'],"
             "'grant_type':'authorization_code','request':{'address':'192.0.2.1','user_agent':'curl'}}");
    struct arena own;
    arena_init(&own);
    int64_t start_ns = clock_monotonic_ns();
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(policy_grant(set.policy, &own, facts).granted);
        arena_free(&own);
    }
    printf("# a default grant: %.2f us\n", (double)(clock_monotonic_ns() - start_ns) / 1e3 / ROUNDS);
    start_ns = clock_monotonic_ns();
    const struct value *scopes = json("['profile','account:read']"), *need = json("{'type':'account','action':'read'}");
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(policy_permits(set.policy, &own, scopes, need));
        arena_free(&own);
    }
    printf("# a default permits: %.2f us\n", (double)(clock_monotonic_ns() - start_ns) / 1e3 / ROUNDS);
    set_close(&set);
}

int main(void) {
    RUN(loads_and_lists_the_catalog);
    RUN(knows_every_scope_of_the_contract);
    RUN(describes_families_and_nothing_else);
    RUN(grants_what_is_not_privileged);
    RUN(privileged_scopes_must_stand_in_allowed_scopes);
    RUN(a_refresh_drops_what_was_lost);
    RUN(registering_privileged_scopes_needs_a_role);
    RUN(permits_what_the_words_say);
    RUN(consent_is_skipped_only_for_what_was_allowed);
    RUN(the_page_says_it_in_words);
    RUN(redirect_uris_are_https_loopback_or_private);
    RUN(the_rest_decides);
    RUN(a_grant_is_quick);
    arena_free(&arena);
    return unit_end();
}
