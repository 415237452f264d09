#include "policy/kept.h"

#include "policy/bytecode.h"

#include <lauxlib.h>

/* In the registry: what was met, as keys; its address is the key. */
static const char met_key;

#define WHY_LOCAL "a function may not set '%.*s', which is kept from call to call: decisions remember nothing"
#define WHY_TABLE \
    "a function may not change the table '%.*s', which is kept from call to call: decisions remember nothing"

static int refuse_member(lua_State *L) {
    return luaL_error(L,
                      "'%s' cannot be added to a table that is kept from call to call: make a new one in the function",
                      lua_tostring(L, 2) ? lua_tostring(L, 2) : "?");
}

/* Pushes the table of what was met; values are true for tables, false for functions. */
static void met_push(lua_State *L) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)&met_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&met_key);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

struct walk {
    lua_State *L;
    struct arena *arena;
    void (*on)(void *context, const char *place, struct slice why);
    void *context;
    const char *file; /* of the function that is read */
    int met, queue, queued;
};

/* Takes the value off the top of the stack and puts it into the queue, if it is one to look into and new. */
static void queue_add(struct walk *walk) {
    lua_State *L = walk->L;
    bool is_table = lua_istable(L, -1), is_function = lua_isfunction(L, -1) && !lua_iscfunction(L, -1);
    if (!is_table && !is_function) {
        lua_pop(L, 1);
        return;
    }
    lua_pushvalue(L, -1);
    lua_rawget(L, walk->met);
    bool is_new = lua_isnil(L, -1);
    lua_pop(L, 1);
    if (is_new) {
        lua_pushvalue(L, -1);
        lua_pushboolean(L, is_table);
        lua_rawset(L, walk->met);
        lua_rawseti(L, walk->queue, ++walk->queued);
    } else {
        lua_pop(L, 1);
    }
}

/* "file:line: why", once each. */
static void deed_tell(void *context, enum deed deed, struct slice name, int line) {
    struct walk *walk = context;
    if (deed != DEED_SETS_KEPT_LOCAL && deed != DEED_SETS_KEPT_TABLE)
        return;
    struct slice why = deed == DEED_SETS_KEPT_LOCAL ? arena_printf(walk->arena, WHY_LOCAL, SLICE_ARG(name))
                                                    : arena_printf(walk->arena, WHY_TABLE, SLICE_ARG(name));
    walk->on(walk->context, arena_printf(walk->arena, "%s:%d", walk->file, line).at, why);
}

/* The function is at the top of the stack, and taken off it. */
static void function_visit(struct walk *walk) {
    lua_State *L = walk->L;
    lua_Debug info;
    struct arena own;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">S", &info);
    walk->file = info.short_src;
    arena_init(&own);
    bool is_known = bytecode_read(L, &own, deed_tell, walk);
    arena_free(&own);
    if (!is_known)
        luaL_error(L, "%s:%d: this is bytecode of a LuaJIT that is not known", info.short_src, info.linedefined);
    for (int i = 1; lua_getupvalue(L, -1, i); i++)
        queue_add(walk);
    lua_pop(L, 1);
}

static void guard_set(lua_State *L) {
    lua_pushcfunction(L, refuse_member);
    lua_setfield(L, -2, "__newindex");
}

/* A face of the library or of another policy: it is guarded, and what is behind it is looked at by itself. */
static bool is_face(lua_State *L) {
    if (!lua_getmetatable(L, -1))
        return false;
    lua_getfield(L, -1, "__metatable");
    bool is_protected = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
    lua_pop(L, 2);
    return is_protected;
}

/* The table is at the top of the stack, and taken off it. A metatable is setmetatable's own copy. */
static void table_visit(struct walk *walk) {
    lua_State *L = walk->L;
    int table = lua_gettop(L);
    if (is_face(L)) {
        lua_pushvalue(L, table);
        lua_pushboolean(L, false); /* no table of ours */
        lua_rawset(L, walk->met);
        lua_pop(L, 1);
        return;
    }
    lua_pushnil(L);
    while (lua_next(L, table)) {
        queue_add(walk);
        lua_pushvalue(L, -1);
        queue_add(walk);
    }
    if (lua_getmetatable(L, table)) {
        lua_getfield(L, -1, "__newindex");
        if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            guard_set(L);
        } else {
            lua_pop(L, 1);
        }
        queue_add(walk);
    } else {
        lua_createtable(L, 0, 1);
        guard_set(L);
        lua_setmetatable(L, table);
    }
    lua_settop(L, table - 1);
}

void kept_guard(lua_State *L, struct arena *arena, void (*on)(void *context, const char *place, struct slice why),
                void *context) {
    int top = lua_gettop(L);
    luaL_checkstack(L, 12, "what policies keep");
    struct walk walk = {.L = L, .arena = arena, .on = on, .context = context};
    met_push(L);
    walk.met = lua_gettop(L);
    lua_newtable(L);
    walk.queue = lua_gettop(L);
    lua_pushvalue(L, top);
    queue_add(&walk);
    for (int at = 1; at <= walk.queued; at++) {
        lua_rawgeti(L, walk.queue, at);
        if (lua_istable(L, -1))
            table_visit(&walk);
        else
            function_visit(&walk);
    }
    lua_settop(L, top);
}

static uint64_t mix(uint64_t a, uint64_t b) {
    uint64_t mixed = (a ^ b * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    return mixed ^ mixed >> 32;
}

/* Texts, tables and functions by where they lie: what is kept alive does not move. */
static uint64_t number_of(lua_State *L, int index) {
    lua_Number number;
    uint64_t bits;
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        number = lua_tonumber(L, index);
        memcpy(&bits, &number, sizeof(bits));
        return mix(bits, LUA_TNUMBER);
    case LUA_TSTRING:
        return mix((uintptr_t)lua_tostring(L, index), LUA_TSTRING);
    case LUA_TBOOLEAN:
        return mix((uint64_t)lua_toboolean(L, index), LUA_TBOOLEAN);
    default:
        return mix((uintptr_t)lua_topointer(L, index), (uint64_t)lua_type(L, index));
    }
}

uint64_t kept_sum(lua_State *L) {
    uint64_t sum = 0;
    luaL_checkstack(L, 8, "what policies keep");
    met_push(L);
    int met = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, met)) {
        bool is_table = lua_toboolean(L, -1);
        lua_pop(L, 1);
        if (!is_table)
            continue;
        uint64_t table = mix((uintptr_t)lua_topointer(L, -1), 1);
        lua_pushnil(L);
        while (lua_next(L, -2)) {
            sum += mix(mix(table, number_of(L, -2)), number_of(L, -1));
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
    return sum;
}

void kept_refuse(lua_State *L, int index) {
    met_push(L);
    lua_pushvalue(L, index);
    lua_rawget(L, -2);
    bool is_kept = lua_toboolean(L, -1);
    lua_pop(L, 2);
    if (is_kept)
        luaL_error(L, "this table is kept from call to call and stays as it is: make a new one in the function");
}
