/* The text of a policy, from an operator or from whoever deceives one: it is refused or loaded, in its budget; what
 * LuaJIT's lexer would take for a number of its FFI is seen; the state goes on. */
#include "policies.h"

#include "policy/chunk.h"
#include "policy/vm.h"

#include <lauxlib.h>

static void lex(lua_State *L, void *context) {
    const struct slice *text = context;
    luaL_loadbufferx(L, text->at, text->len, "@x.lua", "t");
    lua_settop(L, 0);
    lua_getfield(L, LUA_REGISTRYINDEX, VM_LOADED);
    lua_getfield(L, -1, "ffi");
    if (lua_istable(L, -1))
        FUZZ_CHECK(chunk_ffi_literal_line(*text) > 0);
}

static void lexer_check(struct arena *arena, struct slice text) {
    const struct vm_budget budget = {.time_ms = 200, .block_bytes = 1024 * 1024};
    struct vm *vm = arena_alloc(arena, sizeof(*vm));
    FUZZ_CHECK(vm_open(vm, 4 * 1024 * 1024));
    vm_run(vm, &budget, lex, &text);
    vm_close(vm);
}

static void fuzz(struct arena *arena, struct slice input) {
    static const struct policy_limits limits = {.call_ms = 20, .load_ms = 100, .memory_bytes = 8 * 1024 * 1024};
    static struct policy_source *source;
    struct slice error = SLICE_NONE;
    lexer_check(arena, input);
    if (!source)
        source = policies_read(true, "local function f() end");
    policies_replace(source, "login", input);
    struct policy *policy = policy_open(arena, source, &limits, &error);
    FUZZ_CHECK(policy || error.len);
    if (policy) {
        struct value *facts = value_map(arena);
        value_set_int(arena, facts, "now", 1795694400);
        policy_login(policy, arena, facts);
        policy_close(policy);
    }
}
