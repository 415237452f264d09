#include "policy/sandbox.h"

#include "policy/chunk.h"
#include "policy/declared.h"
#include "policy/library.h"
#include "policy/vm.h"

#include <lauxlib.h>
#include <lualib.h>

/* Keys of the registry: the addresses of these. */
static const char environment_key, loaded_key;

static void registry_set(lua_State *L, const char *key) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_insert(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

static void registry_get(lua_State *L, const char *key) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

/* --- read-only faces --- */

static int refuse_write(lua_State *L) {
    return luaL_error(L, "'%s' cannot be set: only local variables can", lua_tostring(L, 2) ? lua_tostring(L, 2) : "?");
}

static int refuse_unknown(lua_State *L) {
    return luaL_error(L, "there is no '%s' here", lua_tostring(L, 2) ? lua_tostring(L, 2) : "?");
}

/* Replaces the table at the top by an empty one that reads from it and refuses to be written. Reading
 * a name that is not there is an error too, so that a misspelt one is noticed. */
static void face_make(lua_State *L) {
    luaL_checkstack(L, 4, "sandbox");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, refuse_unknown);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2); /* of the real table: for what it does not have */
    lua_newtable(L);
    lua_createtable(L, 0, 3);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, refuse_write);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_remove(L, -2);
}

/* --- loading --- */

static int is_table_of_functions(lua_State *L) {
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        int is_flat = lua_type(L, -2) == LUA_TSTRING && !lua_istable(L, -1);
        lua_pop(L, 1);
        if (!is_flat) {
            lua_pop(L, 1);
            return 0;
        }
    }
    return 1;
}

static bool function_is_declared(const char *name) {
    for (int i = 0; i < FUNCTION_COUNT; i++) {
        size_t len = strlen(declared_functions[i].file);
        if (strncmp(name, declared_functions[i].file, len) == 0 && name[len] == '.' &&
            strcmp(name + len + 1, declared_functions[i].name) == 0)
            return true;
    }
    return false;
}

/* fact_is_told(function or nil, path): whether it is, or nil when there is no such fact at all. */
static int fact_is_told(lua_State *L) {
    const char *function = lua_tostring(L, 1);
    struct slice path;
    path.at = luaL_checklstring(L, 2, &path.len);
    if (function && !function_is_declared(function))
        return luaL_error(L, "there is no function %s", function);
    enum fact_status status = fact_status(function, path);
    if (status == FACT_UNKNOWN)
        lua_pushnil(L);
    else
        lua_pushboolean(L, status != FACT_ELSEWHERE);
    return 1;
}

/* The mark that stands in `loaded` while a file runs. */
static const char loading;

void sandbox_load(lua_State *L, const struct source_file *file) {
    luaL_checkstack(L, 8, "require");
    registry_get(L, &loaded_key);
    int loaded = lua_gettop(L);
    lua_pushlstring(L, file->module.at, file->module.len);
    lua_rawget(L, loaded);
    if (lua_islightuserdata(L, -1))
        luaL_error(L, "%s requires itself, by way of another file", file->label);
    if (!lua_isnil(L, -1)) {
        lua_remove(L, loaded);
        return;
    }
    lua_pop(L, 1);
    lua_pushlstring(L, file->module.at, file->module.len);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&loading);
    lua_rawset(L, loaded);
    chunk_load(L, file->text, file->chunk); /* the environment is set before it runs */
    registry_get(L, &environment_key);
    lua_setfenv(L, -2);
    bool is_library = !slice_is_set(file->policy);
    if (is_library)
        lua_pushcfunction(L, fact_is_told); /* for moonlatch.testing */
    lua_call(L, is_library, 1);
    if (!lua_istable(L, -1) || lua_getmetatable(L, -1))
        luaL_error(L, "%s:1: the file must return a plain table, it returned a %s", file->label, luaL_typename(L, -1));
    if (!slice_is_set(file->policy)) {
        if (!is_table_of_functions(L))
            luaL_error(L, "%s:1: a library returns functions and plain values by name", file->label);
        face_make(L);
    }
    lua_pushlstring(L, file->module.at, file->module.len);
    lua_pushvalue(L, -2);
    lua_rawset(L, loaded);
    lua_remove(L, loaded);
}

void sandbox_environment_push(lua_State *L) {
    registry_get(L, &environment_key);
}

bool sandbox_has(lua_State *L, struct slice name) {
    int top = lua_gettop(L);
    registry_get(L, &environment_key);
    lua_getmetatable(L, -1);
    lua_getfield(L, -1, "__index"); /* what is behind the face */
    lua_pushlstring(L, name.at, name.len);
    lua_rawget(L, -2);
    bool is_there = !lua_isnil(L, -1);
    lua_settop(L, top);
    return is_there;
}

void sandbox_load_failed(lua_State *L) {
    registry_get(L, &loaded_key);
    int loaded = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, loaded)) {
        bool was_loading = lua_islightuserdata(L, -1);
        lua_pop(L, 1);
        if (was_loading) {
            lua_pushvalue(L, -1);
            lua_pushnil(L);
            lua_rawset(L, loaded);
        }
    }
    lua_pop(L, 1);
}

/* A policy that another one requires shows its functions and plain values; its tables stay its own. */
static void push_functions_face(lua_State *L) {
    lua_newtable(L);
    lua_pushnil(L);
    while (lua_next(L, -3)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        if (lua_istable(L, -1))
            lua_pop(L, 2);
        else
            lua_rawset(L, -4);
    }
    lua_remove(L, -2);
    face_make(L);
}

static int require(lua_State *L) {
    struct slice module;
    module.at = luaL_checklstring(L, 1, &module.len);
    const struct source_file *file = source_find(lua_touserdata(L, lua_upvalueindex(1)), module);
    if (!file)
        return luaL_error(L, "there is no '%s' to require", module.at);
    sandbox_load(L, file);
    if (slice_is_set(file->policy))
        push_functions_face(L);
    return 1;
}

/* --- the environment --- */

struct allowed {
    const char *library, *names; /* library NULL: global functions */
};

/* What of LuaJIT's own is harmless: pure, bounded, without callbacks. All else comes from library.c
 * and the prelude, or is left out. */
static const struct allowed allowed[] = {
    {NULL, "assert error ipairs pcall select type"},
    {"string", "byte char len sub"},
    {"math", "abs ceil exp floor fmod huge log max min modf pi pow sqrt"},
    {"bit", "arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex"},
};

/* Copies the named members of the table at the top into `into`. */
static void members_copy(lua_State *L, int into, const char *names) {
    struct slice rest = slice_of(names);
    while (slice_is_set(rest)) {
        struct slice name = slice_cut(&rest, ' ');
        lua_pushlstring(L, name.at, name.len);
        lua_pushlstring(L, name.at, name.len);
        lua_rawget(L, -3);
        lua_rawset(L, into);
    }
}

static void libraries_open(lua_State *L) {
    static const luaL_Reg libraries[] = {
        {"", luaopen_base},
        {LUA_STRLIBNAME, luaopen_string},
        {LUA_TABLIBNAME, luaopen_table},
        {LUA_MATHLIBNAME, luaopen_math},
        {LUA_BITLIBNAME, luaopen_bit},
    };
    for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries); i++) {
        lua_pushcfunction(L, libraries[i].func);
        lua_pushstring(L, libraries[i].name);
        lua_call(L, 1, 0);
    }
}

/* Pushes a table by library of what is allowed; the global functions are in it themselves. */
static void allowed_push(lua_State *L) {
    lua_newtable(L);
    int globals = lua_gettop(L);
    for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
        if (!allowed[i].library) {
            lua_pushvalue(L, LUA_GLOBALSINDEX);
            members_copy(L, globals, allowed[i].names);
        } else {
            lua_newtable(L);
            lua_getglobal(L, allowed[i].library);
            members_copy(L, lua_gettop(L) - 1, allowed[i].names);
            lua_pop(L, 1);
            lua_setfield(L, globals, allowed[i].library);
            continue;
        }
        lua_pop(L, 1);
    }
    lua_newtable(L);
    lua_setfield(L, globals, "table");
}

/* prelude(env, ours, native): adds to env what is written in Lua. */
static void prelude_run(lua_State *L, const struct policy_source *source, int globals) {
    const struct source_file *prelude = source->first;
    while (prelude && slice_is_set(prelude->module))
        prelude = prelude->next;
    if (!prelude)
        luaL_error(L, "lua/moonlatch/prelude.lua:1: is missing");
    chunk_load(L, prelude->text, prelude->chunk);
    lua_pushvalue(L, globals);
    library_push(L);
    lua_pushvalue(L, LUA_GLOBALSINDEX);
    lua_call(L, 3, 0);
}

static void table_clear(lua_State *L, int index) {
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushnil(L);
        lua_rawset(L, index);
    }
}

/* What is not allowed is not only out of sight: nothing refers to it any more. */
static void natives_forget(lua_State *L) {
    lua_pushvalue(L, LUA_GLOBALSINDEX);
    table_clear(L, lua_gettop(L));
    lua_pop(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, VM_LOADED);
    table_clear(L, lua_gettop(L));
    lua_pop(L, 1);
}

/* ("x"):rep(3) finds the same functions as string.rep; the metatable itself cannot be had. */
static void string_methods_set(lua_State *L, int globals) {
    lua_pushliteral(L, "");
    lua_createtable(L, 0, 2);
    lua_getfield(L, globals, "string");
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

void sandbox_build(lua_State *L, const struct policy_source *source) {
    libraries_open(L);
    allowed_push(L);
    int globals = lua_gettop(L);
    prelude_run(L, source, globals);
    lua_pushlightuserdata(L, (void *)(uintptr_t)source);
    lua_pushcclosure(L, require, 1);
    lua_setfield(L, globals, "require");
    string_methods_set(L, globals);
    static const char *const libraries[] = {"string", "table", "math", "bit"};
    for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries); i++) {
        lua_getfield(L, globals, libraries[i]);
        face_make(L);
        lua_setfield(L, globals, libraries[i]);
    }
    face_make(L); /* of the globals, which were at the top */
    registry_set(L, &environment_key);
    lua_newtable(L);
    registry_set(L, &loaded_key);
    natives_forget(L);
    lua_gc(L, LUA_GCCOLLECT, 0);
}
