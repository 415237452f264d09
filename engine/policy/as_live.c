#include "policy/as_live.h"

#include "policy/call.h"
#include "policy/consent_page.h"
#include "policy/convert.h"

#include <lauxlib.h>

static struct slice path_join(struct arena *arena, struct slice path, struct slice name) {
    return path.len ? arena_printf(arena, "%.*s.%.*s", SLICE_ARG(path), SLICE_ARG(name)) : arena_copy(arena, name);
}

/* A fact that is not there is nil to policies; one that could never be is misspelt. Upvalue: the path of the table. */
static int refuse_unknown_fact(lua_State *L) {
    struct slice path = slice_of(lua_tostring(L, lua_upvalueindex(1)));
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
    if (name) {
        lua_pushfstring(L, "%s%s%s", path.at, path.len ? "." : "", name);
        if (fact_status(NULL, slice_of(lua_tostring(L, -1))) == FACT_UNKNOWN)
            return luaL_error(L, "there is no fact %s", lua_tostring(L, -1));
    }
    lua_pushnil(L);
    return 1;
}

static void metatable_set(lua_State *L, struct slice path) {
    lua_createtable(L, 0, 1);
    lua_pushlstring(L, path.at, path.len);
    lua_pushcclosure(L, refuse_unknown_fact, 1);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

/* Pushes a copy of the table at `index`: what a server would tell that function of it. */
static void facts_push(lua_State *L, int index, const char *function, struct slice path, struct arena *arena) {
    luaL_checkstack(L, 8, "facts");
    lua_newtable(L);
    int copy = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        struct slice name = SLICE("?");
        if (lua_type(L, -2) == LUA_TSTRING)
            name.at = lua_tolstring(L, -2, &name.len);
        struct slice child = path_join(arena, path, name);
        enum fact_status status = fact_status(function, child);
        if (status == FACT_UNKNOWN)
            luaL_error(L, "there is no fact %s", child.at);
        lua_pushvalue(L, -2);
        if (status == FACT_PARTS && lua_istable(L, -2))
            facts_push(L, lua_gettop(L) - 1, function, child, arena);
        else if (status == FACT_ELSEWHERE)
            lua_pushnil(L);
        else
            lua_pushvalue(L, -2);
        lua_rawset(L, copy);
        lua_pop(L, 1);
    }
    metatable_set(L, path);
}

/* Upvalues: the context, which function, and the policy's own. */
static int call_as_live(lua_State *L) {
    const struct as_live *as_live = lua_touserdata(L, lua_upvalueindex(1));
    enum policy_function function = (enum policy_function)lua_tointeger(L, lua_upvalueindex(2));
    const struct policy *policy = as_live->policy;
    const struct vm_budget budget = {policy->limits.call_ms, CALL_BLOCK_BYTES};
    struct value *results[POLICY_RESULTS_MAX] = {NULL};
    struct slice error = SLICE_NONE;
    int facts = facts_argument(call_name(function));
    lua_settop(L, POLICY_ARGUMENTS_MAX);
    if (facts && lua_istable(L, facts)) {
        facts_push(L, facts, call_name(function), SLICE(""), as_live->arena);
        lua_replace(L, facts);
    }
    struct value *told = function == FUNCTION_consent_page ? convert_read(L, 1, as_live->arena, &error) : NULL;
    lua_pushvalue(L, lua_upvalueindex(3));
    lua_insert(L, 1);
    vm_call_within(L, POLICY_ARGUMENTS_MAX, POLICY_RESULTS_MAX, &budget);
    if (results_read(L, 1, function, as_live->arena, results, &error) && told)
        error = consent_page_fault(as_live->arena, results[0], told);
    if (error.len) {
        const struct source_file *file = source_policy(policy->source, declared_functions[function].file);
        return luaL_error(L, "%s:%d: %s: %s", file->label, policy->lines[function], call_name(function),
                          arena_string(as_live->arena, error));
    }
    /* As they came; without a nil that nobody returned. */
    int count = POLICY_RESULTS_MAX;
    while (count > 1 && lua_isnil(L, count))
        count--;
    lua_settop(L, count);
    return count;
}

void as_live_wrap(lua_State *L, const struct as_live *as_live, struct slice policy) {
    int own = lua_gettop(L);
    lua_newtable(L);
    lua_pushnil(L);
    while (lua_next(L, own)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, own + 1);
    }
    for (int i = 0; i < FUNCTION_COUNT; i++) {
        if (!slice_is(policy, declared_functions[i].file))
            continue;
        lua_getfield(L, own, declared_functions[i].name);
        if (!lua_isfunction(L, -1)) {
            lua_pop(L, 1);
            continue;
        }
        lua_pushlightuserdata(L, (void *)(uintptr_t)as_live);
        lua_pushinteger(L, i);
        lua_pushvalue(L, -3);
        lua_pushcclosure(L, call_as_live, 3);
        lua_setfield(L, own + 1, declared_functions[i].name);
        lua_pop(L, 1);
    }
    lua_remove(L, own);
}
