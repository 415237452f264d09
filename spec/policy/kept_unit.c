/* Decisions remember nothing: what would is refused when it is loaded, or when it happens, or found and replaced. */
#include "set.h"

#include "policy/policy_state.h"
#include "policy/renew.h"

/* login.lua with that in front of its allow, and that as its body. */
static struct set set_of(const char *head, const char *body) {
    return set_open(
        "policies.login",
        arena_printf(&arena, "%s\nreturn { methods = { 'hotkey' }, allow = function(facts)\n%s\nend }", head, body).at);
}

static bool refused(const char *head, const char *body, const char *words) {
    struct set set = set_of(head, body);
    bool is_refused = !set.policy && strstr(string(set_error), words);
    if (!is_refused)
        printf("# wanted: %s\n# got:    %.*s\n", words, SLICE_ARG(set_error));
    set_close(&set);
    return is_refused;
}

static struct verdict allow(struct set *set) {
    return policy_login(set->policy, &arena, json("{'method':'hotkey','list':['c','a','b'],'n':3}"));
}

/* It loads, and says the same three times. */
static bool decides(const char *head, const char *body, bool allowed) {
    struct set set = set_of(head, body);
    bool is_right = set.policy != NULL;
    if (!is_right)
        printf("# %.*s\n", SLICE_ARG(set_error));
    for (int i = 0; set.policy && i < 3; i++) {
        struct verdict verdict = allow(&set);
        if (verdict.allowed != allowed)
            printf("# call %d: %d, %.*s\n", i, verdict.allowed, SLICE_ARG(verdict.reason));
        is_right = is_right && verdict.allowed == allowed;
    }
    set_close(&set);
    return is_right;
}

static void variables_that_are_kept_cannot_be_set(void) {
    static const char *const n = "policies/login.lua:3: a function may not set 'n', which is kept from call to call";
    CHECK(refused("local n = 0", "n = n + 1 return true", n));
    CHECK(refused("local n", "n = 'x' return true", n));
    CHECK(refused("local n", "n = 5 return true", n));
    CHECK(refused("local n", "n = nil return true", n));
    CHECK(refused("local n", "n = facts.now return true", n));
    CHECK(refused("local n = 0", "local function more() n = n + 1 end more() return true", n));
    CHECK(refused("local n = 0", "for _ in ipairs({}) do (function() n = 2 end)() end return true", n));
    CHECK(refused("local n = 0 local function more() n = n + 1 end", "more() return true",
                  "policies/login.lua:1: a function may not set 'n'"));
    CHECK(refused("local function counter() local n = 0 return function() n = n + 1 return n end end\n"
                  "local count = counter()",
                  "return count() < 3", "policies/login.lua:1: a function may not set 'n'"));
    CHECK(refused("local t = { f = { function() end } } local n = 0 t.f[2] = function() n = 1 end",
                  "return t.f[1] ~= nil", "policies/login.lua:1: a function may not set 'n'"));
}

static void tables_that_are_kept_cannot_be_changed(void) {
    static const char *const t = "policies/login.lua:3: a function may not change the table 't', which is kept";
    CHECK(refused("local t = { n = 0 }", "t.n = t.n + 1 return true", t));
    CHECK(refused("local t = {}", "t.n = (t.n or 0) + 1 return true", t));
    CHECK(refused("local t = {}", "t[facts.now] = true return true", t));
    CHECK(refused("local t = {}", "t[1] = true return true", t));
    CHECK(refused("local t = { a = {} }", "local a = t.a a.b = 1 return true", t));
    CHECK(refused("local t = { { {} } }", "t[1][1].x = facts return true", t));
    CHECK(refused("local t = {}", "local function put() t.x = 1 end put() return true", t));
    CHECK(refused("local t = {}", "if facts.now then t.x = 1 end return true", t));
    CHECK(refused("local t = {}", "local u = t while facts.now do u.x = 1 end return true", t));
}

/* What cannot be told before: the table is a parameter, or comes from a call. */
static void new_members_are_refused_when_they_come(void) {
    static const char *const put = "local t = { a = 1 } local function put(into, k, v) into[k] = v end";
    CHECK(decides(put, "put(t, 'b', 1) return true", false));
    CHECK(decides(put, "return not pcall(put, t, 'b', 1) and t.b == nil", true));
    CHECK(decides("local t = { 2, 1 }", "table.insert(t, 3) return true", false));
    CHECK(decides("local t = { 2, 1 }", "table.insert(t, 1, 3) return true", false));
    CHECK(decides("local t = { 2, 1 }", "table.remove(t) return true", false));
    CHECK(decides("local t = { 2, 1 }", "table.sort(t) return true", false));
    CHECK(decides("local t = { { 2 } }", "for _, one in ipairs(t) do one.x = 1 end return true", false));
    CHECK(decides("local C = {} C.__index = C local c = setmetatable({}, C)",
                  "(function(x) x.y = 1 end)(c) return true", false));
    CHECK(decides("local t = {}", "setmetatable(t, { __index = facts }) return true", false));
    struct set set = set_of(put, "\nput(t, 'b', 1) return true");
    allow(&set);
    CHECK_TEXT(string(policy_last(set.policy)->error),
               "policies/login.lua:1: 'b' cannot be added to a table that is kept "
               "from call to call: make a new one in the function");
    set_close(&set);
}

static void what_lives_for_a_call_is_free(void) {
    CHECK(decides("", "local n, t = 0, {} for i = 1, 9 do n = n + i t[i] = n t.x = i end return n == 45", true));
    CHECK(decides("local list = require 'moonlatch.list'",
                  "local n = 0 list.map(facts.list, function() n = n + 1 end) return n == 3", true));
    CHECK(decides("", "local t = {} local function put(k) t[k] = true end put('a') return t.a", true));
    CHECK(decides("local base = { 'a' }",
                  "local t = {} for i, one in ipairs(base) do t[i] = one end t[2] = 'b' "
                  "table.sort(t) table.insert(t, 'c') return #t == 3 and #base == 1",
                  true));
    CHECK(decides("local base = { x = 1 }",
                  "local t = base if facts.n then t = {} end "
                  "if facts.n then t.x = 2 end return base.x == 1",
                  true));
    CHECK(decides("local function make() local n = 0 return function() n = n + 1 return n end end",
                  "local f = make() f() return f() == 2", true));
    CHECK(decides("local known = {} local function add(name) known[name] = true end add('hotkey')",
                  "return known[facts.method] == true and known.x == nil", true)); /* while it loads */
    CHECK(decides("local C = {} C.__index = C function C:hi() return self.x end",
                  "local c = setmetatable({}, C) c.x = 1 return c:hi() == 1", true));
    CHECK(decides("local s = 'x'", "facts.n = 4 facts.new = s return facts.n == 4 and #facts.list == 3", true));
}

static const char *const counting = "local t = { n = 0 } local function put(into, k, v) into[k] = v end";

/* The one way that is left: a member that had a value gets another, by way of a parameter. */
static void what_changed_all_the_same_is_found_and_replaced(void) {
    struct set set = set_of(counting, "put(t, 'n', t.n + 1) return t.n <= 1");
    int64_t renewals = metric_get(METRIC_policy_renewals);
    CHECK(allow(&set).allowed);
    CHECK(!allow(&set).allowed);
    const struct value *catalog = policy_scope_catalog(set.policy);
    for (int i = 2; i < RENEW_LOOK_CALLS; i++)
        allow(&set);
    CHECK(metric_get(METRIC_policy_renewals) == renewals + 1);
    CHECK(allow(&set).allowed); /* afresh */
    CHECK(policy_scope_catalog(set.policy) == catalog && catalog->count > 5);
    for (int i = 0; i < 2 * RENEW_LOOK_CALLS; i++)
        allow(&set);
    CHECK(metric_get(METRIC_policy_renewals) == renewals + 1); /* once in RENEW_PAUSE_MS */
    set.policy->renew_from_ms = 0;
    for (int i = 0; i < RENEW_LOOK_CALLS; i++)
        allow(&set);
    CHECK(metric_get(METRIC_policy_renewals) == renewals + 2);
    set_close(&set);
}

static void a_policy_that_changes_nothing_is_never_replaced(void) {
    struct set set = set_open(NULL, NULL);
    int64_t renewals = metric_get(METRIC_policy_renewals);
    for (int i = 0; i < 3 * RENEW_LOOK_CALLS; i++)
        CHECK(allow(&set).allowed);
    CHECK(metric_get(METRIC_policy_renewals) == renewals);
    set_close(&set);
}

static void a_full_memory_denies_once(void) {
    struct set set = set_of("local t = { n = {} } local function put(into, k, v) into[k] = v end",
                            "put(t, 'n', { t.n, ('x'):rep(1e5) .. facts.n }) return true");
    int64_t renewals = metric_get(METRIC_policy_renewals);
    int denied = 0, calls = 0;
    for (; calls < 500 && !denied; calls++) {
        struct verdict verdict = policy_login(set.policy, &arena, json(arena_printf(&arena, "{'n':%d}", calls).at));
        denied += !verdict.allowed;
    }
    CHECK(denied == 1 && calls > 20);
    CHECK(metric_get(METRIC_policy_renewals) == renewals + 1);
    for (int i = 0; i < 20; i++)
        CHECK(allow(&set).allowed);
    set_close(&set);
    /* One call that wants too much leaves nothing behind, and replaces nothing. */
    set = set_of("", "local t = {} while true do t = { t } end");
    for (int i = 0; i < 3; i++)
        CHECK(!allow(&set).allowed);
    CHECK(metric_get(METRIC_policy_renewals) == renewals + 1);
    set_close(&set);
}

int main(void) {
    RUN(variables_that_are_kept_cannot_be_set);
    RUN(tables_that_are_kept_cannot_be_changed);
    RUN(new_members_are_refused_when_they_come);
    RUN(what_lives_for_a_call_is_free);
    RUN(what_changed_all_the_same_is_found_and_replaced);
    RUN(a_policy_that_changes_nothing_is_never_replaced);
    RUN(a_full_memory_denies_once);
    arena_free(&arena);
    return unit_end();
}
