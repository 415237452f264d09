#include "policy/as_live.h"

#include "policy/call.h"
#include "policy/consent_page.h"
#include "policy/convert.h"

#include <lauxlib.h>

static struct slice path_join(struct arena *arena, struct slice path, struct slice name) {
    return path.len ? arena_printf(arena, "%.*s.%.*s", SLICE_ARG(path), SLICE_ARG(name)) : arena_copy(arena, name);
}

/* Raises it, and keeps it for whoever asks later: the policy may catch errors. */
static int fault_raise(lua_State *L, struct as_live *as_live, struct slice fault) {
    as_live->fault = fault;
    lua_pushlstring(L, fault.at, fault.len);
    return lua_error(L);
}

/* A fact that is not there is nil to policies; one that could never be is misspelt. Upvalues: the context, which
 * function, and the path of the table. */
static int refuse_unknown_fact(lua_State *L) {
    struct as_live *as_live = lua_touserdata(L, lua_upvalueindex(1));
    const char *function = call_name((enum policy_function)lua_tointeger(L, lua_upvalueindex(2)));
    struct slice path = slice_of(lua_tostring(L, lua_upvalueindex(3)));
    struct arena *arena = as_live->arena;
    lua_pushnil(L);
    if (lua_type(L, 2) != LUA_TSTRING)
        return 1;
    struct slice asked = path_join(arena, path, slice_of(lua_tostring(L, 2)));
    enum fact_status status = fact_status(function, asked);
    if (status > FACT_ELSEWHERE || (status == FACT_ELSEWHERE && !as_live->is_strict))
        return 1;
    luaL_where(L, 1);
    struct slice known = facts_known(arena, as_live->is_strict ? function : NULL, path);
    if (status == FACT_UNKNOWN)
        return fault_raise(L, as_live,
                           arena_printf(arena, "%sthere is no fact facts.%.*s (known: %.*s)", lua_tostring(L, -1),
                                        SLICE_ARG(asked), SLICE_ARG(known)));
    return fault_raise(L, as_live,
                       arena_printf(arena, "%s%s is not told facts.%.*s (known: %.*s)", lua_tostring(L, -1), function,
                                    SLICE_ARG(asked), SLICE_ARG(known)));
}

static void metatable_set(lua_State *L, struct as_live *as_live, enum policy_function function, struct slice path) {
    lua_createtable(L, 0, 1);
    lua_pushlightuserdata(L, as_live);
    lua_pushinteger(L, function);
    lua_pushlstring(L, path.at, path.len);
    lua_pushcclosure(L, refuse_unknown_fact, 3);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

/* Pushes a copy of the table at `index`: what a server would tell that function of it. */
static void facts_push(lua_State *L, int index, struct as_live *as_live, enum policy_function function,
                       struct slice path) {
    luaL_checkstack(L, 8, "facts");
    lua_newtable(L);
    int copy = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        struct slice name = SLICE("?");
        if (lua_type(L, -2) == LUA_TSTRING)
            name.at = lua_tolstring(L, -2, &name.len);
        struct slice child = path_join(as_live->arena, path, name);
        enum fact_status status = fact_status(call_name(function), child);
        if (status == FACT_UNKNOWN)
            luaL_error(L, "there is no fact %s", child.at);
        lua_pushvalue(L, -2);
        if (status == FACT_PARTS && lua_istable(L, -2))
            facts_push(L, lua_gettop(L) - 1, as_live, function, child);
        else if (status == FACT_ELSEWHERE)
            lua_pushnil(L);
        else
            lua_pushvalue(L, -2);
        lua_rawset(L, copy);
        lua_pop(L, 1);
    }
    metatable_set(L, as_live, function, path);
}

/* Upvalues: the context, which function, and the policy's own. */
static int call_as_live(lua_State *L) {
    struct as_live *as_live = lua_touserdata(L, lua_upvalueindex(1));
    enum policy_function function = (enum policy_function)lua_tointeger(L, lua_upvalueindex(2));
    const struct policy *policy = as_live->policy;
    const struct vm_budget budget = {policy->limits.call_ms, CALL_BLOCK_BYTES};
    struct value *results[POLICY_RESULTS_MAX] = {NULL};
    struct slice error = SLICE_NONE;
    int facts = facts_argument(call_name(function));
    lua_settop(L, POLICY_ARGUMENTS_MAX);
    if (facts && lua_istable(L, facts)) {
        facts_push(L, facts, as_live, function, SLICE(""));
        lua_replace(L, facts);
    }
    struct value *told = function == FUNCTION_consent_page ? convert_read(L, 1, as_live->arena, &error) : NULL;
    lua_pushvalue(L, lua_upvalueindex(3));
    lua_insert(L, 1);
    vm_call_within(L, POLICY_ARGUMENTS_MAX, POLICY_RESULTS_MAX, &budget);
    if (results_read(L, 1, function, as_live->arena, results, &error) && told)
        error = consent_page_fault(as_live->arena, results[0], told);
    if (error.len)
        return fault_raise(L, as_live,
                           call_place(policy, function, as_live->arena,
                                      arena_printf(as_live->arena, "%s: %.*s", call_name(function), SLICE_ARG(error))));
    /* As they came; without a nil that nobody returned. */
    int count = POLICY_RESULTS_MAX;
    while (count > 1 && lua_isnil(L, count))
        count--;
    lua_settop(L, count);
    return count;
}

/* Replaces the function at the top of the stack. */
static void function_wrap(lua_State *L, struct as_live *as_live, enum policy_function function) {
    lua_pushlightuserdata(L, as_live);
    lua_pushinteger(L, function);
    lua_pushvalue(L, -3);
    lua_pushcclosure(L, call_as_live, 3);
    lua_remove(L, -2);
}

void as_live_push(lua_State *L, struct as_live *as_live, enum policy_function function) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, as_live->policy->references[function]);
    function_wrap(L, as_live, function);
}

void as_live_wrap(lua_State *L, struct as_live *as_live, struct slice policy) {
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
        function_wrap(L, as_live, (enum policy_function)i);
        lua_setfield(L, own + 1, declared_functions[i].name);
    }
    lua_remove(L, own);
}
