/* What LuaJIT's lexer does with literals of its FFI: refused, wherever they may stand; and harmless in a state that
 * meets one all the same. */
#include "../unit/unit.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "policy/chunk.c"
#include "policy/vm.h"

static struct arena arena;

enum { MEMORY_BYTES = 1024 * 1024 };
static const struct vm_budget budget = {.time_ms = 1000, .block_bytes = MEMORY_BYTES};

/* Whether the lexer has opened the FFI by itself. */
static bool ffi_is_open(lua_State *L) {
    lua_getfield(L, LUA_REGISTRYINDEX, VM_LOADED);
    lua_getfield(L, -1, "ffi");
    bool is_open = lua_istable(L, -1);
    lua_pop(L, 2);
    return is_open;
}

static int lexed;

/* Without chunk_load's own look: 1 when the FFI was opened, 0 when not, whether it compiled or not. */
static void lex(lua_State *L, void *context) {
    const struct slice *text = context;
    luaL_loadbufferx(L, text->at, text->len, "@x.lua", "t");
    lua_settop(L, 0);
    lexed = ffi_is_open(L);
}

/* What the lexer takes is seen; what is seen and not taken does not compile for another reason. */
static bool is_seen_if_lexed(struct slice text) {
    struct vm *vm = arena_alloc(&arena, sizeof(*vm));
    if (!vm_open(vm, MEMORY_BYTES) || !vm_run(vm, &budget, lex, &text))
        return false;
    bool is_seen = chunk_ffi_literal_line(text) > 0;
    if (lexed && !is_seen)
        printf("# not seen: %.*s\n", SLICE_ARG(text));
    vm_close(vm);
    return is_seen || !lexed;
}

static const char *const literals[] = {
    "1LL", "0ll", "2Ll",   "1ULL", "7uLL",  "9ull", "3LLU", "0x4lLu", "0x1fULL",  "0XFFll",
    "2i",  "2I",  "0x10i", "1e3i", "1e-3i", ".5i",  "1.5I", "0x1p4i", "0x.8p-1i", "18446744073709551615ULL"};

static void every_literal_is_refused_with_its_line(void) {
    for (size_t i = 0; i < sizeof(literals) / sizeof(*literals); i++) {
        struct slice text = arena_printf(&arena, "-- 1LL\nlocal x =\n %s", literals[i]);
        CHECK(chunk_ffi_literal_line(text) == 3);
        CHECK(is_seen_if_lexed(text) && lexed);
        CHECK(is_seen_if_lexed(arena_printf(&arena, "return 1..%s", literals[i])));
        CHECK(is_seen_if_lexed(arena_printf(&arena, "return f[%s]", literals[i])));
        CHECK(is_seen_if_lexed(arena_printf(&arena, "return a-%s", literals[i])));
        CHECK(is_seen_if_lexed(arena_printf(&arena, "return 'a'..%s", literals[i])));
    }
}

static void what_only_looks_like_one_is_not(void) {
    static const char *const harmless[] = {
        "return x1LL, _2i, a.b1LL, xi, ll",
        "return '1LL', \"2i\", '\\'1LL', \"\\\\\", '\\\n1LL'",
        "return '\\z  \n  1LL'",
        "return [[1LL]], [==[ ]=] 1LL ]==]",
        "-- 1LL",
        "--[[ 1LL\n2i ]] return 1",
        "--[==[ ]] 1LL ]==] return 1",
        "--[= 1LL\nreturn 1",
        "#!/usr/bin/lua 1LL \"\nreturn 1",
        "\xef\xbb\xbf# 1LL\nreturn 1",
        "return 0x1f, 1e5, 1e+5, 0x1p-4, .5, 5., 3 .. 4",
        "return 1LLx, 1i2",
        "return 1L -- malformed",
        "return \xc3\xa4"
        "1LL",
        "return '1LL",
        "return [[1LL",
        "return [=1LL -- malformed",
    };
    for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++) {
        int line = chunk_ffi_literal_line(slice_of(harmless[i]));
        struct vm *vm = arena_alloc(&arena, sizeof(*vm));
        struct slice text = slice_of(harmless[i]);
        CHECK(vm_open(vm, MEMORY_BYTES) && vm_run(vm, &budget, lex, &text) && !lexed);
        vm_close(vm);
        /* What does not compile may be refused for either reason. */
        CHECK((line == 0) != (strstr(harmless[i], "malformed") != NULL));
    }
    CHECK(chunk_ffi_literal_line(SLICE("'\\\r\n' \r\n1LL")) == 3);
    CHECK(chunk_ffi_literal_line(SLICE("\n\r\n\r1LL")) == 3);
    CHECK(chunk_ffi_literal_line(SLICE("[[\n\n]] '\n' 1LL")) == 4);
    CHECK(chunk_ffi_literal_line(SLICE("")) == 0);
}

static int dump_add(lua_State *L, const void *bytes, size_t size, void *dump) {
    (void)L;
    buffer_add(dump, (struct slice){bytes, size});
    return 0;
}

static void load_compiled(lua_State *L, void *context) {
    struct buffer dump = buffer_in(&arena);
    (void)context;
    CHECK(luaL_loadstring(L, "return true") == 0 && lua_dump(L, dump_add, &dump) == 0);
    CHECK(luaL_loadbuffer(L, dump.at, dump.len, "@x") == 0); /* it is some */
    chunk_load(L, buffer_slice(&dump), "@x");
}

static void takes_no_bytecode(void) {
    struct vm vm;
    CHECK(vm_open(&vm, MEMORY_BYTES));
    CHECK(!vm_run(&vm, &budget, load_compiled, NULL) && strstr(vm.message, "wrong mode"));
    vm_close(&vm);
}

static void misuse(lua_State *L, void *context) {
    static const char *const text = "local t = {} for i = 1, 99 do t[i] = 1ULL * i end return 2i == 2i and t";
    (void)context;
    for (int i = 0; i < 20; i++) {
        if (luaL_loadbufferx(L, text, strlen(text), "@x", "t"))
            lua_error(L);
        lua_call(L, 0, 0);
        lua_settop(L, 0);
        lua_gc(L, LUA_GCCOLLECT, 0);
    }
}

static void a_state_outlives_what_came_in_all_the_same(void) {
    for (int i = 0; i < 20; i++) {
        struct vm *vm = arena_alloc(&arena, sizeof(*vm));
        CHECK(vm_open(vm, MEMORY_BYTES));
        CHECK(vm_run(vm, &budget, misuse, NULL));
        CHECK(ffi_is_open(vm->L));
        vm_settle(vm);
        CHECK(ffi_is_open(vm->L)); /* what LuaJIT frees otherwise, and uses */
        CHECK(vm_run(vm, &budget, misuse, NULL));
        vm_close(vm);
    }
}

int main(void) {
    arena_init(&arena);
    RUN(every_literal_is_refused_with_its_line);
    RUN(what_only_looks_like_one_is_not);
    RUN(takes_no_bytecode);
    RUN(a_state_outlives_what_came_in_all_the_same);
    arena_free(&arena);
    return unit_end();
}
