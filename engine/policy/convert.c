#include "policy/convert.h"

#include "base/utf8.h"
#include "policy/vm.h"

#include <lauxlib.h>
#include <math.h>

struct size {
    size_t nodes, bytes;
};

static bool size_grows(struct size *size, size_t bytes) {
    size->nodes++;
    size->bytes += bytes;
    return size->nodes <= CONVERT_NODES_MAX && size->bytes <= CONVERT_TEXT_BYTES_MAX;
}

static void push(lua_State *L, const struct value *value, struct size *size, int depth) {
    if (depth > CONVERT_DEPTH_MAX || !size_grows(size, value->kind == VALUE_TEXT ? value->text.len : 0))
        luaL_error(L, "the facts are too large");
    switch (value->kind) {
    case VALUE_NULL:
        lua_pushnil(L);
        return;
    case VALUE_BOOL:
        lua_pushboolean(L, value->boolean);
        return;
    case VALUE_INT:
        lua_pushnumber(L, (lua_Number)value->integer);
        return;
    case VALUE_REAL:
        lua_pushnumber(L, value->real);
        return;
    case VALUE_TEXT:
        lua_pushlstring(L, value->text.at, value->text.len);
        return;
    case VALUE_LIST:
    case VALUE_MAP:
        break;
    }
    bool is_list = value->kind == VALUE_LIST;
    int count = value->count > CONVERT_NODES_MAX ? CONVERT_NODES_MAX : (int)value->count, at = 0;
    luaL_checkstack(L, 3, "facts");
    lua_createtable(L, is_list ? count : 0, is_list ? 0 : count);
    for (const struct value *child = value->first; child; child = child->next) {
        if (!is_list)
            vm_push_name(L, child->name);
        push(L, child, size, depth + 1);
        if (is_list)
            lua_rawseti(L, -2, ++at);
        else
            lua_rawset(L, -3);
    }
}

void convert_push(lua_State *L, const struct value *value) {
    struct size size = {0};
    push(L, value, &size, 0);
}

struct reading {
    lua_State *L;
    struct arena *arena;
    struct size size;
    struct slice error;
};

static struct value *refuse(struct reading *reading, struct slice error) {
    reading->error = error;
    return NULL;
}

static struct value *read(struct reading *reading, int index, int depth);

static struct value *read_text(struct reading *reading, int index) {
    struct slice text;
    text.at = lua_tolstring(reading->L, index, &text.len);
    if (!size_grows(&reading->size, text.len))
        return refuse(reading, SLICE("too large"));
    if (!utf8_is_valid(text))
        return refuse(reading, SLICE("a text that is not UTF-8"));
    return value_text(reading->arena, arena_copy(reading->arena, text));
}

static struct value *read_number(struct reading *reading, int index) {
    double number = lua_tonumber(reading->L, index);
    if (!isfinite(number))
        return refuse(reading, SLICE("a number that is not finite"));
    if (number >= -9007199254740992.0 && number <= 9007199254740992.0 && number == floor(number))
        return value_int(reading->arena, (int64_t)number);
    return value_real(reading->arena, number);
}

static struct value *read_list(struct reading *reading, int index, size_t count, int depth) {
    lua_State *L = reading->L;
    struct value *list = value_list(reading->arena);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, index, (int)i);
        struct value *child = read(reading, lua_gettop(L), depth + 1);
        lua_pop(L, 1);
        if (!child)
            return NULL;
        if (child->kind == VALUE_NULL)
            return refuse(reading, SLICE("a list with holes"));
        value_append(list, child);
    }
    return list;
}

static bool name_is_before(struct slice a, struct slice b) {
    size_t len = a.len < b.len ? a.len : b.len;
    if (len && a.at[0] != b.at[0]) /* which tells most of them apart */
        return (unsigned char)a.at[0] < (unsigned char)b.at[0];
    int order = len ? memcmp(a.at, b.at, len) : 0;
    return order ? order < 0 : a.len < b.len;
}

/* The key below the child on the stack is a string for certain. */
static bool map_add(struct reading *reading, struct value *map, struct value *child) {
    struct slice name;
    name.at = lua_tolstring(reading->L, -2, &name.len);
    if (!size_grows(&reading->size, name.len) || !utf8_is_valid(name)) {
        refuse(reading, SLICE("a name that is no UTF-8 text, or too much of it"));
        return false;
    }
    child->name = arena_copy(reading->arena, name);
    struct value **place = &map->first;
    while (*place && name_is_before((*place)->name, child->name))
        place = &(*place)->next;
    child->next = *place;
    *place = child;
    if (!child->next)
        map->last = child;
    map->count++;
    return true;
}

static struct value *read_table(struct reading *reading, int index, int depth) {
    lua_State *L = reading->L;
    if (depth >= CONVERT_DEPTH_MAX || !lua_checkstack(L, 4))
        return refuse(reading, SLICE("too deep"));
    size_t count = lua_objlen(L, index), numbers = 0;
    struct value *map = value_map(reading->arena);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        struct value *child = NULL;
        if (lua_type(L, -2) == LUA_TNUMBER && ++numbers <= count && map->count == 0) {
            lua_pop(L, 1);
            continue;
        }
        if (lua_type(L, -2) != LUA_TSTRING || count)
            refuse(reading, SLICE("a table that is neither a list nor a map"));
        else
            child = read(reading, lua_gettop(L), depth + 1);
        if (!child || !map_add(reading, map, child))
            return NULL;
        lua_pop(L, 1);
    }
    if (map->count)
        return map;
    if (numbers != count)
        return refuse(reading, SLICE("a list with holes"));
    return read_list(reading, index, count, depth);
}

static struct value *read(struct reading *reading, int index, int depth) {
    lua_State *L = reading->L;
    if (!size_grows(&reading->size, 0))
        return refuse(reading, SLICE("too large"));
    switch (lua_type(L, index)) {
    case LUA_TNIL:
    case LUA_TNONE:
        return value_null(reading->arena);
    case LUA_TBOOLEAN:
        return value_bool(reading->arena, lua_toboolean(L, index));
    case LUA_TNUMBER:
        return read_number(reading, index);
    case LUA_TSTRING:
        return read_text(reading, index);
    case LUA_TTABLE:
        return read_table(reading, index, depth);
    default:
        return refuse(reading, slice_of(lua_typename(L, lua_type(L, index))));
    }
}

struct value *convert_read(lua_State *L, int index, struct arena *arena, struct slice *error) {
    struct reading reading = {.L = L, .arena = arena};
    int top = lua_gettop(L);
    struct value *value = read(&reading, index, 0);
    lua_settop(L, top);
    *error = reading.error;
    return value;
}
