/* The matcher finds what LuaJIT's own finds, on many small random patterns. */
#include "../../engine/policy/pattern.c"

#include "../unit/unit.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdlib.h>

static uint32_t seed = 1;

static uint32_t random_below(uint32_t limit) {
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % limit;
}

static size_t random_text(char *out, const char *const *parts, uint32_t count, uint32_t most) {
    size_t len = 0;
    for (uint32_t i = random_below(most + 1); i > 0; i--) {
        const char *part = parts[random_below(count)];
        memcpy(out + len, part, strlen(part));
        len += strlen(part);
    }
    out[len] = '\0';
    return len;
}

static void no_charge(void *context) {
    (void)context;
}

/* "1 3 (1,2) (@4)" */
static void describe_ours(struct pattern_search *search, char *out, size_t size) {
    if (!pattern_find(search, 0)) {
        snprintf(out, size, "%s", search->error ? "error" : "nil");
        return;
    }
    int len = snprintf(out, size, "%d %d", (int)(search->start - search->subject.at) + 1,
                       (int)(search->end - search->subject.at));
    for (int i = 0; i < search->capture_count; i++) {
        const struct pattern_capture *capture = &search->captures[i];
        if (pattern_capture_is_position(capture))
            len += snprintf(out + len, size - (size_t)len, " @%d", (int)(capture->start - search->subject.at) + 1);
        else
            len += snprintf(out + len, size - (size_t)len, " (%.*s)", (int)capture->len, capture->start);
    }
}

static void describe_native(lua_State *L, struct slice subject, struct slice pattern, char *out, size_t size) {
    lua_settop(L, 0);
    lua_getglobal(L, "string");
    lua_getfield(L, 1, "find");
    lua_pushlstring(L, subject.at, subject.len);
    lua_pushlstring(L, pattern.at, pattern.len);
    if (lua_pcall(L, 2, LUA_MULTRET, 0) != 0 || lua_isnil(L, 2)) {
        snprintf(out, size, "%s", lua_isnil(L, 2) ? "nil" : "error");
        return;
    }
    int len = snprintf(out, size, "%d %d", (int)lua_tointeger(L, 2), (int)lua_tointeger(L, 3));
    for (int i = 4; i <= lua_gettop(L); i++) {
        bool is_position = lua_type(L, i) == LUA_TNUMBER;
        len += snprintf(out + len, size - (size_t)len, is_position ? " @%s" : " (%s)", lua_tostring(L, i));
    }
}

static void agrees_with_luajit(void) {
    static const char *const parts[] = {"a",     "b",      "(",   ")",   ".",    "*",     "+",  "-",     "?",    "%a",
                                        "%d",    "%w",     "%A",  "[",   "]",    "^",     "$",  "[ab]",  "[^a]", "()",
                                        "%b()",  "%1",     "%2",  "%",   "%f",   "1",     "%s", "%S*",   "(a",   "a*",
                                        "[1-3]", "%f[%w]", "[]]", "(.)", "(.-)", "(%d+)", "%.", "[%d-]", "[a-]"};
    static const char *const letters[] = {"a", "b", "1", "2", "(", ")", " ", "]", "-", "ab"};
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    int different = 0, found = 0;
    for (int round = 0; round < 300000 && different < 10; round++) {
        char subject_text[64], pattern_text[64], ours[512], native[512];
        struct slice subject = {subject_text, random_text(subject_text, letters, 10, 10)};
        struct slice pattern = {pattern_text, random_text(pattern_text, parts, sizeof(parts) / sizeof(*parts), 6)};
        struct pattern_search search = {.subject = subject, .pattern = pattern, .charge = no_charge};
        if (pattern_is_plain(pattern))
            continue; /* then neither takes it as a pattern */
        describe_ours(&search, ours, sizeof(ours));
        describe_native(L, subject, pattern, native, sizeof(native));
        found += ours[0] != 'n' && ours[0] != 'e';
        if (strcmp(ours, native) == 0)
            continue;
        different++;
        printf("# '%s' in '%s': ours %s, native %s\n", pattern_text, subject_text, ours, native);
    }
    lua_close(L);
    CHECK(different == 0);
    CHECK(found > 10000);
}

static void stops_at_the_edges(void) {
    static const char *const bad[] = {"%",  "[",   "[a", "[%",  "[^", "(",    ")",
                                      "%b", "%ba", "%f", "%fa", "%1", "(%1)", "[]"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        /* From the heap, exactly as long: a sanitizer sees a read past its end. */
        size_t len = strlen(bad[i]);
        char *copy = malloc(len);
        memcpy(copy, bad[i], len);
        struct pattern_search search = {.subject = SLICE("a"), .pattern = {copy, len}, .charge = no_charge};
        CHECK(!pattern_find(&search, 0) && search.error);
        free(copy);
    }
}

int main(void) {
    RUN(agrees_with_luajit);
    RUN(stops_at_the_edges);
    return unit_end();
}
