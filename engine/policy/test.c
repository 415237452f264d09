/* The specs of policies: files *_spec.lua beside them, in the sandbox that the policies have, with busted's words
 * (lua/moonlatch/vocabulary.lua) and the policies whole. */
#include "policy/as_live.h"
#include "policy/chunk.h"
#include "policy/kept.h"
#include "policy/sandbox.h"

#include "fiber/fiber.h"

#include <lauxlib.h>

enum {
    TEST_MS = 500,
    TESTS_MAX = 1000, /* in a file */
    WHAT_COUNT = 1,   /* what vocabulary.fill returns, kept in the registry */
    WHAT_NAME,
    WHAT_RUN,
    WHATS,
};

struct testing {
    struct policy *policy;
    struct arena *arena;
    struct as_live as_live;
    struct policy_test_result *result;
    const struct source_file *file;
    int kept[WHATS];
    int64_t count, index;
    struct slice name;
};

/* --- in the sandbox --- */

/* As the policies' own require, but a policy comes whole, with its data, and its functions are called as a server calls
 * them. */
static int require_whole(lua_State *L) {
    struct slice module;
    module.at = luaL_checklstring(L, 1, &module.len);
    struct testing *testing = lua_touserdata(L, lua_upvalueindex(1));
    const struct source_file *file = source_find(testing->policy->source, module);
    if (!file)
        return luaL_error(L, "there is no '%s' to require", module.at);
    sandbox_load(L, file);
    if (slice_is_set(file->policy))
        as_live_wrap(L, &testing->as_live, file->policy);
    return 1;
}

/* Pushes the environment of a spec: its own table, which reads on from the sandbox's. */
static void environment_push(lua_State *L, struct testing *testing) {
    lua_newtable(L);
    lua_pushlightuserdata(L, testing);
    lua_pushcclosure(L, require_whole, 1);
    lua_setfield(L, -2, "require");
    lua_createtable(L, 0, 2);
    sandbox_environment_push(L);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

static void file_load(lua_State *L, void *context) {
    struct testing *testing = context;
    const struct policy_source *source = testing->policy->source;
    environment_push(L, testing);
    int environment = lua_gettop(L);
    sandbox_load(L, source_find(source, SLICE("moonlatch.vocabulary")));
    lua_getfield(L, -1, "fill");
    lua_pushvalue(L, environment);
    lua_call(L, 1, WHATS - 1);
    for (int what = WHATS - 1; what >= WHAT_COUNT; what--)
        testing->kept[what] = luaL_ref(L, LUA_REGISTRYINDEX);
    chunk_load(L, testing->file->text, testing->file->chunk);
    lua_pushvalue(L, environment);
    lua_setfenv(L, -2);
    lua_call(L, 0, 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, testing->kept[WHAT_COUNT]);
    lua_call(L, 0, 1);
    testing->count = lua_tointeger(L, -1);
    if (testing->count > TESTS_MAX)
        luaL_error(L, "%s:1: there are more than %d tests", testing->file->label, TESTS_MAX);
}

static void name_read(lua_State *L, void *context) {
    struct testing *testing = context;
    lua_rawgeti(L, LUA_REGISTRYINDEX, testing->kept[WHAT_NAME]);
    lua_pushinteger(L, (lua_Integer)testing->index);
    lua_call(L, 1, 1);
    struct slice name = SLICE_NONE;
    name.at = lua_tolstring(L, -1, &name.len);
    testing->name = arena_copy(testing->arena, name);
}

static void test_run(lua_State *L, void *context) {
    struct testing *testing = context;
    lua_rawgeti(L, LUA_REGISTRYINDEX, testing->kept[WHAT_RUN]);
    lua_pushinteger(L, (lua_Integer)testing->index);
    lua_call(L, 1, 0);
    if (kept_sum(L) == testing->policy->kept_sum)
        return;
    testing->policy->kept_sum = kept_sum(L); /* the next one is for itself */
    luaL_error(L, "%s:1: a table that a policy keeps from call to call was changed: decisions remember nothing",
               testing->file->label);
}

/* --- outside --- */

static void failed(struct testing *testing, struct slice name) {
    struct arena *arena = testing->arena;
    struct value *failure = value_map(arena);
    const char *message = testing->policy->vm->message;
    if (!strstr(message, ".lua:"))
        message = arena_printf(arena, "%s:1: %s", testing->file->label, message).at;
    testing->result->failed++;
    value_set_text(arena, failure, "name", arena_copy(arena, name));
    value_set_text(arena, failure, "message", arena_copy(arena, slice_of(message)));
    value_append(testing->result->failures, failure);
}

static void file_test(void *context) {
    struct testing *testing = context;
    struct vm *vm = testing->policy->vm;
    const struct vm_budget budget = {TEST_MS, LOAD_BLOCK_BYTES};
    testing->count = 0;
    if (!vm_run(vm, &budget, file_load, testing)) {
        failed(testing, slice_of(testing->file->label));
        return;
    }
    for (testing->index = 1; testing->index <= testing->count; testing->index++) {
        if (!vm_run(vm, &budget, name_read, testing))
            testing->name = slice_of(testing->file->label);
        if (vm_run(vm, &budget, test_run, testing))
            testing->result->passed++;
        else
            failed(testing, testing->name);
    }
}

bool policy_test(struct arena *arena, const struct policy_source *source, const struct policy_limits *limits,
                 struct policy_test_result *result, struct slice *error) {
    *result = (struct policy_test_result){.failures = value_list(arena)};
    for (const struct source_file *file = source->specs; file; file = file->next) {
        /* Each file has a state of its own, so that none sees what another did. */
        struct policy *policy = policy_open(arena, source, limits, error);
        if (!policy)
            return false;
        struct testing testing = {.policy = policy, .arena = arena, .result = result, .file = file};
        testing.as_live = (struct as_live){.policy = policy, .arena = arena};
        fiber_hop(file_test, &testing);
        policy_close(policy);
    }
    return true;
}
