/* Ways out of the sandbox, and ways to hold on to the processor or the memory. Each test's Lua is the
 * body of login.allow; it returns true when it got what it should not, so a passing policy is one
 * that is refused. */
#include "set.h"

#include "policy/policy_state.h"

#include <lauxlib.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__)
enum { SLOWNESS = 10 };
#else
enum { SLOWNESS = 1 };
#endif

enum { BUDGET_MS = 20, LATE_MS = 50 * SLOWNESS };

/* What this thread has had of a processor: other programs of a test run do not count. */
static int64_t thread_time_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct set set;
static struct verdict verdict;
static int64_t elapsed_ms, longest_ms;

/* True when it loaded; then `verdict` is what its login.allow said. */
static bool run(const char *head, const char *body) {
    const char *text =
        arena_printf(&arena, "%s\nreturn { methods = { 'hotkey' }, allow = function(facts)\n%s\nend }", head, body).at;
    set_close(&set);
    set = set_open("policies.login", text);
    if (!set.policy)
        return false;
    int64_t start_ns = thread_time_ns();
    verdict = policy_login(set.policy, &arena, json("{'method':'hotkey','list':['c','a','b'],'n':3}"));
    elapsed_ms = (thread_time_ns() - start_ns) / 1000000;
    return true;
}

/* The state goes on: another decision, on the same state, comes out right and fast. */
static bool works_after(void) {
    struct lifetimes lifetimes;
    return policy_lifetimes(set.policy, &arena, json("{'app':{'refresh_token_lifetime_days':2}}"), &lifetimes) &&
           lifetimes.refresh_s == 2 * 86400;
}

static bool yes(const char *body) {
    bool loaded = run("", body);
    if (!loaded)
        printf("# %.*s\n", SLICE_ARG(set_error));
    else if (!verdict.allowed)
        printf("# not allowed: %.*s\n", SLICE_ARG(verdict.reason));
    return loaded && verdict.allowed && works_after();
}

/* It is refused when it is loaded, with its line, for it uses a global that there is not or sets one. */
static bool is_not_loaded(const char *body) {
    bool refused = !run("", body) && (strstr(string(set_error), "policies/login.lua:3: there is no '") ||
                                      strstr(string(set_error), "' cannot be set: only local variables can"));
    if (!refused)
        printf("# was loaded: %s\n# %.*s\n", body, SLICE_ARG(set_error));
    return refused;
}

/* The call fails (it does not merely say no). */
static bool fails(const char *body) {
    int64_t failures = metric_get(METRIC_policy_failures);
    bool loaded = run("", body);
    bool failed = loaded && !verdict.allowed && metric_get(METRIC_policy_failures) == failures + 1;
    if (!failed)
        printf("# did not fail: %s\n# %.*s\n", body, SLICE_ARG(loaded ? verdict.reason : set_error));
    return failed && works_after();
}

static bool is_stopped(const char *body) {
    bool failed = fails(body);
    if (elapsed_ms > longest_ms)
        longest_ms = elapsed_ms;
    if (elapsed_ms > LATE_MS)
        printf("# took %d ms: %s\n", (int)elapsed_ms, body);
    return failed && elapsed_ms <= LATE_MS;
}

static void what_is_not_on_the_list_is_not_there(void) {
    static const char *const names[] = {
        "_G",
        "_VERSION",
        "ffi",
        "io",
        "os",
        "debug",
        "package",
        "jit",
        "load",
        "loadstring",
        "dofile",
        "loadfile",
        "coroutine",
        "newproxy",
        "xpcall",
        "getfenv",
        "setfenv",
        "rawset",
        "rawget",
        "rawequal",
        "collectgarbage",
        "print",
        "gcinfo",
        "module",
        "next",
        "getmetatable",
        "string.dump",
        "string.gfind",
        "math.random",
        "table.foreach",
        "table.maxn",
        "math.randomseed",
        "table.new",
        "_ENV",
        "arg",
        "policies",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *body = arena_printf(&arena, "return %s ~= nil", names[i]).at;
        CHECK(strchr(names[i], '.') ? fails(body) : is_not_loaded(body));
        CHECK(!run(arena_printf(&arena, "local x = %s", names[i]).at, "return true"));
    }
    CHECK(fails("return require('ffi') ~= nil"));
    CHECK(fails("return require('jit.util') ~= nil"));
    CHECK(fails("return require('os') ~= nil"));
    CHECK(fails("return require('moonlatch.prelude') ~= nil"));
    CHECK(fails("return require('../policies/scopes') ~= nil"));
}

static void globals_cannot_be_set(void) {
    CHECK(is_not_loaded("x = 1 return true"));
    CHECK(is_not_loaded("string = nil return true"));
    CHECK(is_not_loaded("function f() end return true"));
    CHECK(!run("x = 1", "return true"));
    CHECK(strstr(string(set_error), "policies/login.lua:1: 'x' cannot be set") != NULL);
    CHECK(!run("\nfunction pairs() end", "return true"));
    CHECK(strstr(string(set_error), "policies/login.lua:2: 'pairs'") != NULL);
    CHECK(is_not_loaded("if facts.n == 7 then return scops.privileged('x') end return true"));
    CHECK(is_not_loaded("return pcall(function() return function() return nothing end end)"));
    CHECK(yes("local scops = { a = true } return scops.a"));
}

static void a_policy_is_a_plain_table(void) {
    set_close(&set);
    set = set_open("policies.login",
                   "return setmetatable({ methods = { 'hotkey' }, allow = function() return true end }, {})");
    CHECK(!set.policy && strstr(string(set_error), "the file must return a plain table"));
}

static void libraries_are_read_only(void) {
    CHECK(fails("string.format = nil return true"));
    CHECK(fails("table.x = 1 return true"));
    CHECK(fails("math.huge = 1 return true"));
    CHECK(fails("require('moonlatch.list').has = function() return true end return true"));
    CHECK(fails("require('policies.scopes').grant = nil return true"));
    CHECK(fails("('x').rep = nil return true"));
    CHECK(fails("setmetatable(string, {}) return true"));
    CHECK(fails("setmetatable('', {}) return true"));
    CHECK(fails("setmetatable(facts, { __gc = function() end }) return true"));
    CHECK(fails("setmetatable(facts, { __mode = 'k' }) return true"));
    CHECK(fails("return require('policies.scopes').catalog ~= nil")); /* its tables stay its own */
    CHECK(fails("table.insert(string, 1) return true"));
    CHECK(fails("table.insert(string, 1, 1) return true"));
    CHECK(fails("table.insert(require('moonlatch.list'), 1, 1) return true"));
    CHECK(fails("table.sort(string) return true"));
    CHECK(yes("return table.remove(string) == nil and #string == 0"));
}

static void bytecode_is_not_loaded(void) {
    set_close(&set);
    set = set_open("policies.login", "\x1bLJ\x02\x02\x01");
    CHECK(!set.policy);
    CHECK(strstr(string(set_error), "policies/login.lua") != NULL);
}

static void number_load(lua_State *L, void *context) {
    (void)context;
    for (int i = 0; i < 20; i++) {
        if (luaL_loadbufferx(L, "return 1LL", 10, "@x", "t")) /* beside chunk_load, which refuses it */
            lua_error(L);
        lua_settop(L, 0);
        lua_gc(L, LUA_GCCOLLECT, 0);
    }
    lua_getfield(L, LUA_REGISTRYINDEX, VM_LOADED);
    lua_getfield(L, -1, "ffi");
    if (!lua_istable(L, -1)) /* what keeps the FFI's tables, which the collector would free under it */
        luaL_error(L, "the FFI is open and nothing keeps it");
}

static void the_ffi_cannot_be_had_and_does_no_harm(void) {
    CHECK(!run("", "return 1LL ~= nil"));
    CHECK(strstr(string(set_error), "policies/login.lua:3: a number with LL, ULL or i is not allowed here") != NULL);
    CHECK(run("", "return true"));
    const struct vm_budget budget = {.time_ms = 1000, .block_bytes = LOAD_BLOCK_BYTES};
    CHECK(vm_run(set.policy->vm, &budget, number_load, NULL));
    CHECK(is_not_loaded("return ffi ~= nil"));
    CHECK(fails("return require('ffi') ~= nil"));
}

static void endless_loops_end(void) {
    CHECK(is_stopped("while true do end"));
    CHECK(is_stopped("repeat until false"));
    CHECK(is_stopped("for i = 1, math.huge do end"));
    CHECK(is_stopped("local function f() return f() end return f()"));
    CHECK(is_stopped("while true do pcall(error) end"));
    CHECK(is_stopped("while true do pcall(function() while true do end end) end"));
    CHECK(is_stopped("local function f() while true do end end return (pcall(f)) or true"));
    CHECK(is_stopped("local function f() while true do end end pcall(pcall, pcall, f) return true"));
    CHECK(is_stopped("local function f() pcall(f) pcall(f) end f() return true"));
    CHECK(is_stopped("return pcall(function() while true do end end)"));
    CHECK(is_stopped("return not pcall(function() while true do end end)"));
    CHECK(is_stopped("local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) return t[1]"));
    CHECK(is_stopped("for _ in function() return 1 end do end"));
}

static void recursion_ends(void) {
    CHECK(is_stopped("local function f() return 1 + f() end return f()"));
    CHECK(is_stopped("local t = setmetatable({}, { __index = function(t, k) return t[k] + 1 end }) return t.x"));
    CHECK(is_stopped(
        "local a, b = {}, {} setmetatable(a, { __add = function(x, y) return x + y + 1 end }) return a + b"));
    CHECK(is_stopped("local t = {} setmetatable(t, { __call = function(f) return 1 + f() end }) return t()"));
    CHECK(is_stopped(
        "local t = {} setmetatable(t, { __concat = function(a, b) return a .. b .. '' end }) return t .. 1"));
    CHECK(is_stopped("local t = {} setmetatable(t, { __lt = function(a, b) return not (a < b) end }) return t < t"));
    CHECK(is_stopped("local function f(s) return (s:gsub('.', f)) end return f('x')"));
    CHECK(is_stopped("local function f(a, b) table.sort({1, 2}, f) return true end table.sort({2, 1}, f)"));
    CHECK(is_stopped("local e = setmetatable({}, { __index = function(t, k) error(t) end }) error(e.x)"));
    CHECK(is_stopped("local t = {} for i = 1, 1e9 do t = { t } end return true"));
}

/* It has time enough, and fails for its memory. */
static bool is_too_large(const char *body) {
    static const struct policy_limits patient = {.call_ms = 60000, .load_ms = 60000};
    bool loaded = run("", body);
    struct policy *policy = loaded ? policy_open(&arena, set.source, &patient, &set_error) : NULL;
    bool failed = policy && !policy_login(policy, &arena, json("{}")).allowed &&
                  strstr(string(policy_last(policy)->error), "used more than 8.0 MiB of memory");
    if (policy)
        policy_close(policy);
    return failed;
}

static void memory_ends(void) {
    CHECK(is_too_large("local t = {} while true do t = { t } end"));
    CHECK(is_stopped("local t = {} for i = 1, 1e9 do t[i] = i end"));
    CHECK(is_stopped("local t = {} for i = 1, 1e9 do t['k' .. i] = {} end"));
    CHECK(is_stopped("local s = 'x' while true do s = s .. s end"));
    CHECK(is_stopped("local t = {} while true do pcall(function() t[#t + 1] = ('x'):rep(1e5) .. #t end) end"));
    CHECK(is_stopped("local t = {} while pcall(function() t[#t + 1] = { t } end) do end return true"));
    CHECK(is_stopped("return ('x'):rep(1e9) ~= nil"));
    CHECK(is_stopped("return ('x'):rep(2 ^ 53) ~= nil"));
    CHECK(is_stopped("while true do local s = ('x'):rep(1e5) end"));
    CHECK(is_stopped("local s = ('x'):rep(1e5) local t = {} for i = 1, 1000 do t[i] = s end return table.concat(t)"));
    CHECK(is_stopped("return table.concat({}, 'x', 1, 2 ^ 31)"));
    CHECK(is_stopped("local s = ('x'):rep(1e5) return (s:gsub('x', s))"));
    CHECK(is_stopped("return unpack({}, 1, 1e8)"));
    CHECK(is_stopped("return unpack({}, -2 ^ 31, 2 ^ 31 - 1)"));
    CHECK(is_stopped("return string.char(unpack({}, 1, 1e6))"));
    CHECK(is_stopped("return string.format('%999999d', 1)"));
    CHECK(is_stopped("return string.format(('%99d'):rep(1000), 1)"));
    CHECK(is_stopped("local t = {} t[2 ^ 27] = 1 for i = 1, 2 ^ 20 do t[i] = i end return t"));
    for (int i = 0; i < 50; i++) { /* what one call filled is free for the next */
        verdict = policy_login(set.policy, &arena, json("{}"));
        CHECK(!verdict.allowed);
    }
    CHECK(works_after());
}

static void long_operations_end(void) {
    CHECK(is_stopped("local s = ('a'):rep(1e5) while true do s:upper() end"));
    CHECK(is_stopped("local s = ('a'):rep(1e5) while true do s:reverse() s:lower() end"));
    CHECK(is_stopped("local s = ('1'):rep(1e5) while true do tonumber(s) end"));
    CHECK(is_stopped("local s = ('a'):rep(1e5) while true do s:find(s .. 'b', 1, true) end"));
    CHECK(is_stopped("local a, b = ('a'):rep(1e5) .. 'b', ('a'):rep(1e5) .. 'c' while true do local _ = a < b end"));
    CHECK(is_stopped("local a = ('a'):rep(1e5) while true do local _ = a .. a end"));
    CHECK(is_stopped("local t = {} while true do table.insert(t, -2 ^ 31, 1) end"));
    CHECK(is_stopped(
        "local t = {} for i = 1, 1.6e4 do t[i] = i end while true do table.insert(t, 1, table.remove(t, 1)) end"));
    CHECK(is_stopped("return table.remove({ 1 }, -2 ^ 31)"));
    CHECK(is_stopped("local t = {} for i = 1, 1.6e4 do t[i] = 'x' end while true do table.concat(t) end"));
    CHECK(is_stopped("local f = ('%d'):rep(5e4) while true do pcall(string.format, f, 1) end"));
    CHECK(
        is_stopped("local t = {} for i = 1, 1.6e4 do t[i] = -i end while true do table.sort(t, function(a, b) return a "
                   "< b end) end"));
    CHECK(is_stopped("while true do for _ in pairs(facts) do end end"));
    CHECK(is_stopped("local t = {} while true do table.sort({ 3, 1, 2 }, function() return true end) end"));
}

static void patterns_end(void) {
    CHECK(is_stopped("return ('a'):rep(1e5):find(('a*'):rep(30) .. 'b') == nil"));
    CHECK(is_stopped("return ('a'):rep(30):match(('a?'):rep(60) .. ('a'):rep(60)) == nil"));
    CHECK(is_stopped("return ('a'):rep(5000):find('(.-)(.-)(.-)(.-)b') == nil"));
    CHECK(is_stopped("return ('a'):rep(1e5):find('.-b') == nil"));
    CHECK(is_stopped("return ('('):rep(1e5):find('%b()') == nil"));
    CHECK(is_stopped("return (('a'):rep(1e5):gsub('a-b', '')) ~= nil"));
    CHECK(is_stopped("for _ in ('a'):rep(1e5):gmatch('(a*)a*a*b') do end return true"));
    CHECK(is_stopped("return ('a'):rep(1e5):find('(a*)%1%1b') == nil"));
    CHECK(is_stopped("return ('a'):rep(99):find(('(a'):rep(40)) == nil"));
    CHECK(is_stopped("return ('a'):rep(999):find(('a?'):rep(1000) .. 'b') == nil"));
    CHECK(is_stopped("return ('x'):find(('['):rep(1e5)) == nil"));
}

static void errors_of_every_kind_are_told(void) {
    CHECK(fails("error('no')"));
    CHECK(fails("error({})"));
    CHECK(fails("error(nil)"));
    CHECK(fails("error(setmetatable({}, { __index = function() while true do end end }))"));
    CHECK(fails("error(function() end)"));
    CHECK(fails("local x = facts.none.more return true"));
    CHECK(fails("return facts + 1"));
    CHECK(fails("table.sort({ 1, 'a' }) return true"));
    CHECK(fails("table.sort({ 1, 2 }, function() error('no') end) return true"));
    CHECK(fails("return setmetatable(facts, { __tostring = function() end }) ~= nil"));
}

static void ordinary_lua_works(void) {
    CHECK(yes("table.sort(facts.list) return table.concat(facts.list, '') == 'abc' and #facts.list == 3"));
    CHECK(yes("local t = { 3, 1, 2 } table.sort(t, function(a, b) return a > b end) return t[1] == 3 and t[3] == 1"));
    CHECK(yes("local t = {} for i = 1, 1000 do t[i] = (i * 7919) % 1009 end table.sort(t) "
              "for i = 2, 1000 do if t[i - 1] > t[i] then return false end end return true"));
    CHECK(yes("local s = '' for k, v in pairs({ b = 1, a = 2, [2] = 'y', [1] = 'x', [true] = 0 }) do "
              "s = s .. tostring(k) .. tostring(v) end return s == '1x2ya2b1true0'"));
    CHECK(yes("local ok, e = pcall(error, 'no', 0) return not ok and e == 'no'"));
    CHECK(yes("local t = { 1, 2 } table.insert(t, 3) table.insert(t, 1, 0) "
              "return table.remove(t) == 3 and table.remove(t, 1) == 0 and #t == 2 and table.remove({}) == nil"));
    CHECK(yes("local C = { hi = function() return 'hi' end } C.__index = C return setmetatable({}, C):hi() == 'hi'"));
    CHECK(yes("return tostring({}) == 'table' and tostring(nil) == 'nil' and tostring(1.5) == '1.5'"));
    CHECK(yes("return tonumber('0x10') == 16 and tonumber('10', 2) == 2 and tonumber('x') == nil"));
    CHECK(yes("return select('#', unpack({ 1, nil, 3 }, 1, 3)) == 3 and math.floor(2.5) == 2 and bit.band(6, 3) == 2"));
    CHECK(yes("local a, b = require('moonlatch.list'), require('moonlatch.list') return a.has({ 1 }, 1) and a == b"));
    CHECK(yes("return require('policies.scopes').describe('openid') ~= nil"));
    CHECK(yes("return require('moonlatch.time').rfc3339(951827696) == '2000-02-29T12:34:56Z'"));
    CHECK(yes("local at = require('moonlatch.time').utc(1795532645) return at.weekday == 2 and at.year == 2026"));
}

static void strings_work_as_in_lua(void) {
    CHECK(yes("return ('abc'):rep(3) == 'abcabcabc' and ('x'):rep(0) == '' and ('x'):rep(-1) == ''"));
    CHECK(yes("local a, b, c = ('key = value'):find('(%w+) = (%w+)') return a == 1 and b == 11 and c == 'key'"));
    CHECK(yes(
        "return ('hello'):match('l+') == 'll' and ('hello'):match('()ll') == 3 and ('a.b'):find('.', 1, true) == 2"));
    CHECK(yes("return ('  x '):match('^%s*(.-)%s*$') == 'x' and ('f(a(b))c'):match('%b()') == '(a(b))'"));
    CHECK(yes("return ('THE (quick) fox'):find('%((%a+)%)') == 5 and ('xaax'):match('(a)%1') == 'a'"));
    CHECK(yes("return ('THE (quick) fox'):gsub('%f[%a]%a+', 'w') == 'w (w) w'"));
    CHECK(yes("local s, n = ('abc'):gsub('%w', '%0%0') return s == 'aabbcc' and n == 3"));
    CHECK(yes("local s, n = ('abc'):gsub('', '-') return s == '-a-b-c-' and n == 4"));
    CHECK(yes("local s, n = ('hello world'):gsub('o', 'x', 1) return s == 'hellx world' and n == 1"));
    CHECK(yes("return (('$a $b'):gsub('%$(%w)', { a = 'x' })) == 'x $b'"));
    CHECK(yes("return (('abc'):gsub('b', string.upper)) == 'aBc' and (('a'):gsub('a', '%%')) == '%'"));
    CHECK(yes("return (('abc'):gsub('^a', 'x')) == 'xbc' and (('aaa'):gsub('^a', 'x')) == 'xaa'"));
    CHECK(yes("local t = {} for k, v in ('a=1, b=2'):gmatch('(%w)=(%w)') do t[#t + 1] = k .. v end "
              "return table.concat(t, ';') == 'a1;b2'"));
    CHECK(yes("local n = 0 for w in ('one two'):gmatch('%a+') do n = n + #w end return n == 6"));
    CHECK(yes("return string.format('%5.1f|%-4d|%04x|%s|%q|%%|%c', 3.14159, 7, 255, true, 'a\"', 65) == "
              "'  3.1|7   |00ff|true|\"a\\\\\"\"|%|A'"));
    CHECK(yes("return string.format('%s %s %10s|%.2s', {}, 12, 'x', 'abc') == 'table 12          x|ab'"));
    CHECK(yes("return ('[]x'):match('[]]') == ']' and ('a-z'):match('[a%-]+') == 'a-' and ('7'):find('[^%d]') == nil"));
    CHECK(yes("return ('x'):find('', 2) == 2 and ('x'):find('', 3) == nil and ('x'):find('x', -5) == 1"));
    CHECK(yes("return ('ÄB'):lower():sub(-1) == 'b' and ('ab'):reverse() == 'ba' and ('ab'):byte(2) == 98"));
    CHECK(fails("return ('x'):find('[a') ~= nil"));
    CHECK(fails("return ('x'):find('%') ~= nil"));
    CHECK(fails("return ('x'):find('(x') ~= nil"));
    CHECK(fails("return (('x'):gsub('x', '%9')) ~= nil"));
    CHECK(fails("return string.format('%d', 'x') ~= nil"));
    CHECK(fails("return string.format('%p', {}) ~= nil"));
}

static void the_end(void) {
    printf("# the longest call took %d ms\n", (int)longest_ms);
    set_close(&set);
    set = (struct set){0};
}

int main(void) {
    RUN(what_is_not_on_the_list_is_not_there);
    RUN(globals_cannot_be_set);
    RUN(a_policy_is_a_plain_table);
    RUN(libraries_are_read_only);
    RUN(bytecode_is_not_loaded);
    RUN(the_ffi_cannot_be_had_and_does_no_harm);
    RUN(endless_loops_end);
    RUN(recursion_ends);
    RUN(memory_ends);
    RUN(long_operations_end);
    RUN(patterns_end);
    RUN(errors_of_every_kind_are_told);
    RUN(ordinary_lua_works);
    RUN(strings_work_as_in_lua);
    RUN(the_end);
    arena_free(&arena);
    return unit_end();
}
