/* Loading a set, malformed decisions, and what keeps decisions the same. */
#include "set.h"

#include "fiber/fiber.h"

#include <sys/stat.h>
#include <unistd.h>

static bool says(const char *words) {
    bool found = strstr(string(set_error), words) != NULL;
    if (!found)
        printf("# wanted: %s\n# got:    %.*s\n", words, SLICE_ARG(set_error));
    return found;
}

static bool refused(const char *policy, const char *text, const char *words) {
    struct set set = set_open(policy, text);
    bool was_refused = !set.policy;
    set_close(&set);
    return says(words) && was_refused;
}

static void a_wrong_file_is_refused_with_its_place(void) {
    const char *login = "policies.login";
    CHECK(refused(login, "return {\n  methods = { 'hotkey' \n  allow = 1\n}", "policies/login.lua:3: '}' expected"));
    CHECK(refused(login, "\n\nerror('not today')", "policies/login.lua:3: not today"));
    CHECK(refused(login, "return 5", "policies/login.lua:1: the file must return a plain table, it returned a number"));
    CHECK(refused(login, "", "policies/login.lua:1: the file must return a plain table"));
    CHECK(refused(login, "local x = nothing.at.all", "policies/login.lua:1: there is no 'nothing' here"));
    CHECK(refused(login, "while true do end", "policies/login.lua:1: took longer than"));
    CHECK(refused(login, "local t = {} for i = 1, 1e9 do t[i] = {} end", "policies/login.lua:1: "));
    CHECK(refused(login, "return setmetatable({}, { __index = function() return 1 end })", "a plain table"));
    CHECK(refused(login, "return require 'policies.login'", "policies/login.lua requires itself"));
    CHECK(refused(login, NULL, "policies/login.lua:1: the file is missing"));
}

static void wrong_members_are_refused(void) {
    const char *login = "policies.login", *settings = "policies.settings";
    CHECK(refused(login, "return { methods = { 'hotkey' } }", "policies/login.lua:1: the function allow is missing"));
    CHECK(refused(login, "return {\nmethods = { 'hotkey' },\nallow = true }",
                  "policies/login.lua:3: allow must be a function, and is a boolean"));
    CHECK(refused(login, "return {\nmethods = { 'hotkey' }, allow = function() end,\nalow = function() end }",
                  "policies/login.lua:3: alow is not known here (known: methods, limits, user_verification, allow, "
                  "second_factor, count_fell)"));
    CHECK(refused(login, "return { allow = function() end,\n  methods = { 'hotkey', 'password' } }",
                  "policies/login.lua:2: methods[2] must be one of: fingerprint hotkey passkey; and is password"));
    CHECK(refused(login, "return { allow = function() end,\n  methods = { first = print } }", "there is no 'print'"));
    CHECK(refused(login, "return { allow = function() end,\n  methods = { error } }",
                  "policies/login.lua:2: methods must be plain data, and holds function"));
    CHECK(refused(login, "return { allow = function() end, methods = { [1] = 'hotkey', [3] = 'hotkey' } }",
                  "methods must be plain data"));
    CHECK(refused(login, "local t = { 'hotkey' } t[1] = t return { allow = function() end, methods = t }", "too deep"));
    CHECK(refused(settings, "return {\n  limits = {\n    strems = 5 } }",
                  "policies/settings.lua:2: limits.strems is not known here (known: body_bytes, "));
    CHECK(refused(settings, "return {\n  isuer = 'x' }",
                  "policies/settings.lua:2: isuer is not known here (known: issuer, "));
    CHECK(refused(settings, "return { workers = 'four' }", "workers must be a whole number, and is a text"));
    CHECK(refused(settings, "return { workers = 1.5 }", "workers must be a whole number"));
    CHECK(refused(login, "return { limits = { address = { attempts = 1, seconds = 86401 } } }",
                  "limits.address.seconds must be a whole number from 1 to 86400, and is 86401"));
    CHECK(refused(login, "return { limits = { address = { attempts = 1, seconds = 0 } } }",
                  "limits.address.seconds must be a whole number from 1 to 86400, and is 0"));
    CHECK(refused(settings, "return { listen = { 1 } }", "listen[1] must be a text, and is a number"));
}

static void every_problem_is_listed_once(void) {
    struct set set = set_open("moonlatch.list", "return {");
    CHECK(!set.policy);
    CHECK(says("moonlatch/list.lua:1: "));
    int count = 1;
    for (size_t i = 0; i < set_error.len; i++)
        count += set_error.at[i] == '\n';
    CHECK(count == 1);
    set_close(&set);

    set = set_open("policies.login", "return { methods = {}, alow = 1 }");
    CHECK(says("methods must hold 1 to 3 items, and holds 0") && says("the function allow is missing") &&
          says("alow is not known here"));
    set_close(&set);
}

static void write_file(const char *directory, const char *name, const char *text) {
    FILE *file = fopen(arena_printf(&arena, "%s/%s", directory, name).at, "w");
    CHECK(file != NULL);
    if (!file)
        return;
    fputs(text, file);
    fclose(file);
}

static void files_are_read_from_a_directory(void) {
    char directory[] = "/tmp/policy_unit_XXXXXX";
    CHECK(mkdtemp(directory) != NULL);
    struct slice error = SLICE("");
    write_file(directory, "scope.lua", "return {}");
    write_file(directory, "scopes_spec.lua", "not read");
    struct policy_source *source =
        policy_source_read(&arena, directory, MOONLATCH_HOME "/lua/moonlatch", NULL, &set_error);
    CHECK(source != NULL);
    CHECK(policy_open(&arena, source, NULL, &set_error) == NULL);
    CHECK(says("/scope.lua:1: no policy has this name") && says("policies/apps.lua:1: the file is missing"));
    CHECK(strstr(string(set_error), "spec") == NULL && strstr(string(set_error), "settings.lua") == NULL);
    policy_source_free(source);

    write_file(directory, "mine.conf", "return { listen = '127.0.0.1:1', limits = { streams = 7 } }");
    const char *config = arena_printf(&arena, "%s/mine.conf", directory).at;
    source = policy_source_read(&arena, MOONLATCH_HOME "/policies", MOONLATCH_HOME "/lua/moonlatch", config, &error);
    struct policy *policy = source ? policy_open(&arena, source, NULL, &error) : NULL;
    CHECK(policy != NULL);
    const struct value *settings = policy ? policy_settings(policy, &arena) : NULL;
    if (policy)
        policy_close(policy);
    CHECK_TEXT(text_of(settings), "{\"limits\":{\"streams\":7},\"listen\":\"127.0.0.1:1\"}"); /* outlives it */
    if (source)
        policy_source_free(source);

    CHECK(!policy_source_read(&arena, "/nowhere", MOONLATCH_HOME "/lua/moonlatch", "/nowhere/x.lua", &set_error));
    CHECK(says("/nowhere:1: cannot be read: No such file") && says("nowhere/x.lua:1: No such file"));
    const char *const made[] = {"scope.lua", "scopes_spec.lua", "mine.conf"};
    for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++)
        unlink(arena_printf(&arena, "%s/%s", directory, made[i]).at);
    rmdir(directory);
}

/* scopes.lua with another grant. */
static const char *scopes_with(const char *grant) {
    return arena_printf(&arena,
                        "return { catalog = { { name = 'a', description = 'A' } }, default = { 'a' },\n"
                        "describe = function(s) %s end, may_register = function() return true end,\n"
                        "permits = function() return 1 end, privileged = function() return false end,\n"
                        "grant = function(facts)\n%s\nend }",
                        "if s == 'b' then return 'B' elseif s == 'c' then return {} end", grant)
        .at;
}

static bool grant_is_malformed(const char *body) {
    struct set set = set_open("policies.scopes", scopes_with(body));
    int64_t failures = metric_get(METRIC_policy_failures);
    struct grant_decision decision = {.granted = true};
    if (set.policy)
        decision = policy_grant(set.policy, &arena, json("{'requested':['a']}"));
    bool malformed = set.policy && !decision.granted && !slice_is_set(decision.denied) && decision.reason.len &&
                     metric_get(METRIC_policy_failures) == failures + 1;
    if (!malformed)
        printf("# %s: %.*s\n", body, SLICE_ARG(set_error));
    set_close(&set);
    return malformed;
}

static void malformed_decisions_deny(void) {
    CHECK(grant_is_malformed("return nil"));
    CHECK(grant_is_malformed("return true"));
    CHECK(grant_is_malformed("return {}"));
    CHECK(grant_is_malformed("return { granted = 'a' }"));
    CHECK(grant_is_malformed("return { granted = { 'a', 5 } }"));
    CHECK(grant_is_malformed("return { granted = { 'a b' } }"));
    CHECK(grant_is_malformed("return { granted = { 'a' }, denied = 'a', reason = 'r' }"));
    CHECK(grant_is_malformed("return { granted = { 'a', nil, 'b' } }"));
    CHECK(grant_is_malformed("return { grantd = { 'a' } }"));
    CHECK(grant_is_malformed("return { denied = 'a', reason = 'a\\nb' }"));
    CHECK(grant_is_malformed("return { denied = 'a', reason = '\\255' }"));
    CHECK(grant_is_malformed("return { granted = { '' } }"));
    CHECK(grant_is_malformed("local t = {} for i = 1, 300 do t[i] = 'a' .. i end return { granted = t }"));
    CHECK(grant_is_malformed("local t = {} t.granted = t return t"));
    CHECK(grant_is_malformed("return { granted = setmetatable({}, { __index = function() return 'a' end }), x = 1 }"));
    struct set set = set_open("policies.scopes", scopes_with("return { granted = { 'a' } }"));
    CHECK(policy_grant(set.policy, &arena, json("{}")).granted);
    CHECK(!policy_permits(set.policy, &arena, json("[]"), json("{}"))); /* 1 is not true */
    CHECK_TEXT(string(policy_scope_describe(set.policy, &arena, SLICE("b"))), "B");
    CHECK(!slice_is_set(policy_scope_describe(set.policy, &arena, SLICE("c"))));
    CHECK(!slice_is_set(policy_scope_describe(set.policy, &arena, SLICE("d"))));
    set_close(&set);
}

static void facts_are_capped(void) {
    struct set set = set_open(NULL, NULL);
    struct value *facts = value_map(&arena), *deep = value_list(&arena);
    value_set_value(facts, "deep", deep);
    for (int i = 0; i < 100; i++) {
        struct value *inner = value_list(&arena);
        value_append(deep, inner);
        deep = inner;
    }
    CHECK(!policy_login(set.policy, &arena, facts).allowed);
    struct value *many = value_list(&arena);
    for (int i = 0; i < 5000; i++)
        value_append(many, value_int(&arena, i));
    facts = value_map(&arena);
    value_set_value(facts, "many", many);
    CHECK(!policy_login(set.policy, &arena, facts).allowed);
    char *long_text = arena_zalloc(&arena, 300000);
    facts = value_map(&arena);
    value_set_text(&arena, facts, "text", (struct slice){long_text, 300000});
    CHECK(!policy_login(set.policy, &arena, facts).allowed);
    CHECK(policy_login(set.policy, &arena, json("{}")).allowed);
    set_close(&set);
}

/* pairs and decisions of maps must not show the order of the hash, which differs between states. */
static void two_states_decide_the_same(void) {
    const char *text = "return { userinfo = function(facts)\n"
                       "local keys, made = {}, { sub = tostring(facts) .. tostring(pairs) }\n"
                       "for k, v in pairs(facts) do keys[#keys + 1] = k made['x' .. k] = v end\n"
                       "made.keys = table.concat(keys, ',')\nreturn made end }";
    const char *first = NULL;
    for (int i = 0; i < 10; i++) {
        struct set set = set_open("policies.claims", text);
        const char *answer = text_of(policy_userinfo(
            set.policy, &arena, json("{'q':1,'w':2,'e':3,'r':4,'t':5,'z':6,'u':7,'i':8,'o':9,'p':[],'a':1.5}")));
        CHECK(strstr(answer, "\"keys\":\"a,e,i,o,p,q,r,t,u,w,z\"") != NULL);
        if (first)
            CHECK_TEXT(answer, first);
        first = answer;
        set_close(&set);
    }
}

static void on_a_fiber(void *argument) {
    struct set set = set_open(NULL, NULL);
    bool *done = argument;
    *done = set.policy && policy_login(set.policy, &arena, json("{}")).allowed &&
            !policy_permits(set.policy, &arena, json("['profile']"), json("{'type':'account','action':'read'}"));
    set_close(&set);
}

static void runs_from_a_fiber(void) {
    bool done = false;
    CHECK(fiber_start(on_a_fiber, &done));
    CHECK(done);
    fiber_pool_drain();
}

static void loads_quickly(void) {
    int64_t start_ns = clock_monotonic_ns();
    struct set set = set_open(NULL, NULL);
    printf("# reading and loading the default set: %.2f ms\n", (double)(clock_monotonic_ns() - start_ns) / 1e6);
    set_close(&set);
}

int main(void) {
    RUN(a_wrong_file_is_refused_with_its_place);
    RUN(wrong_members_are_refused);
    RUN(every_problem_is_listed_once);
    RUN(files_are_read_from_a_directory);
    RUN(malformed_decisions_deny);
    RUN(facts_are_capped);
    RUN(two_states_decide_the_same);
    RUN(runs_from_a_fiber);
    RUN(loads_quickly);
    arena_free(&arena);
    return unit_end();
}
