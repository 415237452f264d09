#include "policy/library.h"

#include "policy/kept.h"
#include "policy/pattern.h"
#include "policy/vm.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdio.h>

enum { REP_BYTES_MAX = 128 * 1024, FORMAT_ITEM_MAX = 512 };

static struct slice check_text(lua_State *L, int argument) {
    struct slice text;
    text.at = luaL_checklstring(L, argument, &text.len);
    return text;
}

static int charge(lua_State *L) {
    lua_Number units = luaL_checknumber(L, 1);
    vm_charge(L, units > 0 ? (size_t)units : 0);
    return 0;
}

/* --- find and match --- */

static void charge_steps(void *context) {
    vm_charge(context, (size_t)PATTERN_STEPS_PER_CHARGE * VM_UNITS_PER_STEP);
}

/* Where to start, from 0; subject.len + 1 when behind the end. */
static size_t check_init(lua_State *L, int argument, struct slice subject) {
    lua_Number init = luaL_optnumber(L, argument, 1);
    if (init < 0)
        init += (lua_Number)subject.len + 1;
    if (!(init >= 1))
        init = 1;
    return init > (lua_Number)subject.len + 1 ? subject.len + 1 : (size_t)init - 1;
}

static void push_capture(lua_State *L, const struct pattern_search *search, int index) {
    const struct pattern_capture *capture = &search->captures[index];
    if (pattern_capture_is_position(capture))
        lua_pushnumber(L, (lua_Number)(capture->start - search->subject.at + 1));
    else
        lua_pushlstring(L, capture->start, (size_t)capture->len);
}

static int find_plain(lua_State *L, struct slice subject, struct slice pattern, size_t from) {
    struct slice rest = slice_from(subject, from);
    vm_charge(L, rest.len);
    const char *found = pattern.len ? memmem(rest.at, rest.len, pattern.at, pattern.len) : rest.at;
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushnumber(L, (lua_Number)(found - subject.at + 1));
    lua_pushnumber(L, (lua_Number)(found - subject.at) + (lua_Number)pattern.len);
    return 2;
}

static int search_from(lua_State *L, bool is_find) {
    struct slice subject = check_text(L, 1), pattern = check_text(L, 2);
    size_t from = check_init(L, 3, subject);
    if (from > subject.len) {
        lua_pushnil(L);
        return 1;
    }
    if (is_find && (lua_toboolean(L, 4) || pattern_is_plain(pattern)))
        return find_plain(L, subject, pattern, from);
    struct pattern_search search = {.subject = subject, .pattern = pattern, .charge = charge_steps, .context = L};
    bool found = pattern_find(&search, from);
    vm_charge(L, (size_t)(search.steps % PATTERN_STEPS_PER_CHARGE) * VM_UNITS_PER_STEP);
    if (search.error)
        return luaL_error(L, "%s", search.error);
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    int count = 0;
    luaL_checkstack(L, PATTERN_CAPTURES_MAX + 2, "captures");
    if (is_find) {
        lua_pushnumber(L, (lua_Number)(search.start - subject.at + 1));
        lua_pushnumber(L, (lua_Number)(search.end - subject.at));
        count = 2;
    } else if (search.capture_count == 0) {
        lua_pushlstring(L, search.start, (size_t)(search.end - search.start));
        return 1;
    }
    for (int i = 0; i < search.capture_count; i++)
        push_capture(L, &search, i);
    return count + search.capture_count;
}

static int find(lua_State *L) {
    return search_from(L, true);
}

static int match(lua_State *L) {
    return search_from(L, false);
}

/* --- rep --- */

static int rep(lua_State *L) {
    struct slice text = check_text(L, 1);
    lua_Number times = luaL_checknumber(L, 2);
    if (!(times >= 1) || !text.len) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (times * (lua_Number)text.len > REP_BYTES_MAX)
        return luaL_error(L, "the repeated string would be longer than %d bytes", REP_BYTES_MAX);
    size_t count = (size_t)times, len = count * text.len;
    vm_charge(L, len);
    char *made = lua_newuserdata(L, len);
    for (size_t i = 0; i < count; i++)
        memcpy(made + i * text.len, text.at, text.len);
    lua_pushlstring(L, made, len);
    return 1;
}

/* --- tostring and format --- */

/* Tables and functions by their kind alone: an address would differ from worker to worker. */
static int to_text(lua_State *L) {
    luaL_checkany(L, 1);
    switch (lua_type(L, 1)) {
    case LUA_TSTRING:
        lua_settop(L, 1);
        break;
    case LUA_TNUMBER:
        lua_settop(L, 1);
        lua_tostring(L, 1);
        break;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, 1) ? "true" : "false");
        break;
    default:
        lua_pushstring(L, luaL_typename(L, 1));
    }
    return 1;
}

/* luaL_Buffer takes 8 KiB of stack; this one grows inside a userdata at `index`. */
struct output {
    lua_State *L;
    int index;
    char *at;
    size_t len, capacity;
};

static void output_reserve(struct output *out, size_t more) {
    if (out->len + more <= out->capacity)
        return;
    out->capacity = (out->len + more) * 2;
    char *grown = lua_newuserdata(out->L, out->capacity);
    if (out->len)
        memcpy(grown, out->at, out->len);
    out->at = grown;
    lua_replace(out->L, out->index);
}

static void add(struct output *out, const char *text, size_t len) {
    output_reserve(out, len);
    memcpy(out->at + out->len, text, len);
    out->len += len;
}

static void add_byte(struct output *out, char byte) {
    output_reserve(out, 1);
    out->at[out->len++] = byte;
}

static void add_quoted(struct output *out, struct slice text) {
    add_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '"' || c == '\\' || c == '\n')
            add_byte(out, '\\');
        if (c == '\0')
            add(out, "\\000", 4);
        else if (c == '\r')
            add(out, "\\r", 2);
        else
            add_byte(out, c);
    }
    add_byte(out, '"');
}

/* One "%…" item at *p, which is moved behind it; its flags, width and precision go into `item` with
 * room for a length modifier. Returns the conversion. */
static char read_item(lua_State *L, struct slice format, size_t *p, char item[16]) {
    size_t start = *p, digits = 0;
    while (*p < format.len && format.at[*p] && strchr("-+ #0", format.at[*p]))
        ++*p;
    bool is_long = *p - start > 5;
    for (; *p < format.len && (isdigit((unsigned char)format.at[*p]) || format.at[*p] == '.'); ++*p) {
        digits = format.at[*p] == '.' ? 0 : digits + 1;
        is_long = is_long || digits > 2;
    }
    if (is_long || *p - start > 11 || *p == format.len)
        luaL_error(L, "invalid format (width or precision too long, or no conversion)");
    item[0] = '%';
    memcpy(item + 1, format.at + start, *p - start);
    item[*p - start + 1] = '\0';
    return format.at[(*p)++];
}

/* The format string is built from an allow-list of characters just above. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static void add_text(struct output *out, const char *item, struct slice text) {
    char made[FORMAT_ITEM_MAX], spec[20];
    if (item[1] == '\0' || text.len >= 100) {
        add(out, text.at, text.len);
        return;
    }
    if (memchr(text.at, '\0', text.len))
        luaL_error(out->L, "string contains zeros");
    snprintf(spec, sizeof(spec), "%ss", item);
    int len = snprintf(made, sizeof(made), spec, text.at);
    add(out, made, (size_t)len);
}

/* Where the number does not fit, as C would have it undefined, it is clamped. */
static long long whole(lua_Number number) {
    if (!(number > -9.2e18))
        return -9200000000000000000LL;
    return number < 9.2e18 ? (long long)number : 9200000000000000000LL;
}

static void add_item(struct output *out, char conversion, const char *item, int argument) {
    lua_State *L = out->L;
    char made[FORMAT_ITEM_MAX], spec[20];
    int len;
    switch (conversion) {
    case 'c':
        add_byte(out, (char)(unsigned char)whole(luaL_checknumber(L, argument)));
        return;
    case 'd':
    case 'i':
    case 'o':
    case 'u':
    case 'x':
    case 'X':
        snprintf(spec, sizeof(spec), "%sll%c", item, conversion);
        len = snprintf(made, sizeof(made), spec, whole(luaL_checknumber(L, argument)));
        break;
    case 'e':
    case 'E':
    case 'f':
    case 'g':
    case 'G':
        snprintf(spec, sizeof(spec), "%s%c", item, conversion);
        len = snprintf(made, sizeof(made), spec, luaL_checknumber(L, argument));
        break;
    case 'q':
        add_quoted(out, check_text(L, argument));
        return;
    case 's':
        add_text(out, item, check_text(L, argument));
        return;
    default:
        luaL_error(L, "invalid option '%%%c' in format", conversion);
        return;
    }
    add(out, made, (size_t)len);
}

/* %s takes anything (as tostring does), so those arguments become texts before the buffer, which
 * stands on the stack, begins. */
static int format(lua_State *L) {
    struct slice text = check_text(L, 1);
    int count = lua_gettop(L), argument = 1;
    for (int i = 2; i <= count; i++) {
        if (lua_type(L, i) == LUA_TNUMBER || lua_type(L, i) == LUA_TSTRING)
            continue;
        lua_pushcfunction(L, to_text);
        lua_pushvalue(L, i);
        lua_call(L, 1, 1);
        lua_replace(L, i);
    }
    vm_charge(L, text.len * VM_UNITS_PER_STEP);
    lua_pushnil(L);
    struct output out = {.L = L, .index = count + 1};
    output_reserve(&out, text.len + 64);
    for (size_t p = 0; p < text.len;) {
        char c = text.at[p++], item[16];
        if (c != '%') {
            add_byte(&out, c);
        } else if (p < text.len && text.at[p] == '%') {
            add_byte(&out, text.at[p++]);
        } else {
            char conversion = read_item(L, text, &p, item);
            if (++argument > count)
                luaL_argerror(L, argument, "no value");
            add_item(&out, conversion, item, argument);
        }
    }
    lua_pushlstring(L, out.at, out.len);
    return 1;
}

/* --- setmetatable --- */

/* Gives the table a copy of the metatable: only with the metamethods below, so that nothing which
 * depends on the collector (__mode, __gc) can come in, and only to a table that has none yet. */
static int set_metatable(lua_State *L) {
    static const char *const known[] = {"__index", "__newindex", "__call", "__eq",  "__lt",  "__le",  "__concat",
                                        "__unm",   "__add",      "__sub",  "__mul", "__div", "__mod", "__pow"};
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    if (lua_getmetatable(L, 1))
        return luaL_error(L, "this table is protected or has a metatable already");
    static const char *const refused[] = {"__gc", "__mode", "__metatable", "__tostring", "__len"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        lua_pushstring(L, refused[i]);
        lua_rawget(L, 2);
        if (!lua_isnil(L, -1))
            return luaL_error(L, "a metatable may not have %s", refused[i]);
        lua_pop(L, 1);
    }
    lua_newtable(L);
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        lua_pushstring(L, known[i]);
        lua_pushvalue(L, -1);
        lua_rawget(L, 2);
        lua_rawset(L, -3);
    }
    lua_setmetatable(L, 1);
    lua_settop(L, 1);
    return 1;
}

/* Raises when the table is one that policies keep from call to call. */
static int refuse_kept(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    kept_refuse(L, 1);
    return 0;
}

void library_push(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"charge", charge},
        {"find", find},
        {"match", match},
        {"rep", rep},
        {"format", format},
        {"tostring", to_text},
        {"setmetatable", set_metatable},
        {"refuse_kept", refuse_kept},
        {NULL, NULL},
    };
    lua_newtable(L);
    for (const luaL_Reg *function = functions; function->name; function++) {
        lua_pushcfunction(L, function->func);
        lua_setfield(L, -2, function->name);
    }
}
