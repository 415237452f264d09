/* Loading and checking a set of policies. */
#include "policy/bytecode.h"
#include "policy/chunk.h"
#include "policy/convert.h"
#include "policy/kept.h"
#include "policy/policy_state.h"
#include "policy/renew.h"
#include "policy/sandbox.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "fiber/fiber.h"

#include <lauxlib.h>
#include <stdlib.h>

enum { CALL_MS_DEFAULT = 20, LOAD_MS_DEFAULT = 500, MEMORY_BYTES_DEFAULT = 8 * 1024 * 1024 };

struct opening {
    struct policy *policy;
    struct arena *arena; /* the caller's */
    struct buffer problems;
    int64_t deadline_ms;
    const struct source_file *file; /* the one under way */
};

static void problem_at(struct opening *opening, int line, struct slice message) {
    problem_line_add(&opening->problems,
                     arena_printf(opening->arena, "%s:%d: %.*s", opening->file->label, line, SLICE_ARG(message)));
}

/* The function at the top of the stack is taken off it. */
static void function_keep(struct opening *opening, lua_State *L, enum policy_function function) {
    struct policy *policy = opening->policy;
    lua_Debug info;
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">S", &info);
    policy->lines[function] = info.linedefined > 0 ? info.linedefined : 1;
    policy->references[function] = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* The policy's table is at the top of the stack, here and below. */
static void functions_check(struct opening *opening, lua_State *L) {
    for (int i = 0; i < FUNCTION_COUNT; i++) {
        const struct declared_function *declared = &declared_functions[i];
        if (!slice_is(opening->file->policy, declared->file))
            continue;
        struct slice name = slice_of(declared->name);
        lua_pushstring(L, declared->name);
        lua_rawget(L, -2);
        if (lua_isfunction(L, -1)) {
            function_keep(opening, L, (enum policy_function)i);
            continue;
        }
        if (!lua_isnil(L, -1))
            problem_at(opening, source_line_of(opening->file, name),
                       arena_printf(opening->arena, "%s must be a function, and is a %s", declared->name,
                                    luaL_typename(L, -1)));
        else if (!declared->without)
            problem_at(opening, 1, arena_printf(opening->arena, "the function %s is missing", declared->name));
        lua_pop(L, 1);
    }
}

/* The first name in "limits.strems is not known here", to find its line. */
static struct slice first_name(struct slice message) {
    size_t len = 0;
    while (len < message.len && message.at[len] != '.' && message.at[len] != '[' && message.at[len] != ' ')
        len++;
    return (struct slice){message.at, len};
}

static void data_check(struct opening *opening, lua_State *L, enum policy_data data) {
    const struct declared_data *declared = &declared_data[data];
    struct slice path = declared->name ? slice_of(declared->name) : SLICE(""), error = SLICE_NONE;
    if (declared->name) {
        lua_pushstring(L, declared->name);
        lua_rawget(L, -2);
    } else {
        lua_pushvalue(L, -1);
    }
    struct value *value = convert_read(L, lua_gettop(L), &opening->policy->arena, &error);
    lua_pop(L, 1);
    if (!value)
        error = arena_printf(opening->arena, "%.*s must be plain data, and holds %.*s",
                             SLICE_ARG(path.len ? path : SLICE("the table")), SLICE_ARG(error));
    else if (shape_check(declared->shape, value, path, opening->arena, &error))
        opening->policy->data[data] = value;
    if (opening->policy->data[data])
        return;
    if (error.len && error.at[0] == '.')
        error = slice_from(error, 1);
    problem_at(opening, source_line_of(opening->file, first_name(error)), error);
}

/* The names that the file may have, for the message, and whether `name` is one of them. */
static bool name_is_declared(struct opening *opening, struct slice name, struct buffer *known) {
    struct slice file = opening->file->policy;
    bool found = false;
    for (int i = 0; i < DATA_COUNT + FUNCTION_COUNT; i++) {
        bool is_data = i < DATA_COUNT;
        const char *of = is_data ? declared_data[i].file : declared_functions[i - DATA_COUNT].file;
        const char *one = is_data ? declared_data[i].name : declared_functions[i - DATA_COUNT].name;
        if (!slice_is(file, of) || !one)
            continue;
        buffer_printf(known, "%s%s", known->len ? ", " : "", one);
        found = found || slice_is(name, one);
    }
    return found;
}

static void names_check(struct opening *opening, lua_State *L) {
    int table = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, table)) {
        struct slice name = SLICE("?");
        struct buffer known = buffer_in(opening->arena);
        if (lua_type(L, -2) == LUA_TSTRING)
            name.at = lua_tolstring(L, -2, &name.len);
        if (!name_is_declared(opening, name, &known)) {
            lua_Debug info = {.linedefined = 0};
            if (lua_isfunction(L, -1)) {
                lua_pushvalue(L, -1);
                lua_getinfo(L, ">S", &info);
            }
            problem_at(opening, info.linedefined > 0 ? info.linedefined : source_line_of(opening->file, name),
                       arena_printf(opening->arena, "%.*s is not known here (known: %.*s)", SLICE_ARG(name),
                                    SLICE_ARG(buffer_slice(&known))));
        }
        lua_pop(L, 1);
    }
}

static void build(lua_State *L, void *context) {
    struct opening *opening = context;
    sandbox_build(L, opening->policy->source);
}

/* A misspelt name in a function would be noticed when that runs, perhaps for one user in a thousand. */
static void global_check(void *context, enum deed deed, struct slice name, int line) {
    struct opening *opening = context;
    if (deed == DEED_SETS_GLOBAL)
        problem_at(opening, line,
                   arena_printf(opening->arena, "'%.*s' cannot be set: only local variables can", SLICE_ARG(name)));
    else if (deed == DEED_READS_GLOBAL && !sandbox_has(opening->policy->vm->L, name))
        problem_at(opening, line, arena_printf(opening->arena, "there is no '%.*s' here", SLICE_ARG(name)));
}

static void globals_check(struct opening *opening, lua_State *L) {
    struct arena own;
    chunk_load(L, opening->file->text, opening->file->chunk);
    arena_init(&own);
    bytecode_read(L, &own, global_check, opening);
    arena_free(&own);
    lua_pop(L, 1);
}

static void load(lua_State *L, void *context) {
    struct opening *opening = context;
    if (slice_is_set(opening->file->policy))
        globals_check(opening, L);
    sandbox_load(L, opening->file);
    if (!slice_is_set(opening->file->policy))
        return;
    functions_check(opening, L);
    bool is_whole = false;
    for (int i = 0; i < DATA_COUNT; i++) {
        if (!slice_is(opening->file->policy, declared_data[i].file))
            continue;
        is_whole = declared_data[i].name == NULL;
        data_check(opening, L, (enum policy_data)i);
    }
    if (!is_whole)
        names_check(opening, L);
}

static void kept_problem(void *context, const char *place, struct slice why) {
    struct opening *opening = context;
    problem_line_add(&opening->problems, arena_printf(opening->arena, "%s: %.*s", place, SLICE_ARG(why)));
}

static void guard(lua_State *L, void *context) {
    struct opening *opening = context;
    sandbox_load(L, opening->file);
    kept_guard(L, opening->arena, kept_problem, opening);
}

static void kept_read(lua_State *L, void *context) {
    struct opening *opening = context;
    opening->policy->kept_sum = kept_sum(L);
}

static void load_failed(lua_State *L, void *context) {
    (void)context;
    sandbox_load_failed(L);
}

/* Runs a step with what is left of the time for the whole set. */
static bool run(struct opening *opening, void (*work)(lua_State *L, void *context)) {
    int64_t left_ms = opening->deadline_ms - clock_monotonic_ms();
    const struct vm_budget budget = {.time_ms = left_ms > 1 ? left_ms : 1, .block_bytes = LOAD_BLOCK_BYTES};
    if (vm_run(opening->policy->vm, &budget, work, opening))
        return true;
    const char *message = opening->policy->vm->message;
    if (strstr(message, ".lua:") || !opening->file)
        problem_line_add(&opening->problems, arena_copy(opening->arena, slice_of(message)));
    else
        problem_at(opening, 1, slice_of(message));
    return false;
}

static bool file_is_declared(struct slice policy) {
    for (const char *const *file = declared_files; *file; file++)
        if (slice_is(policy, *file))
            return true;
    return false;
}

/* From here on what the files made stays as it is. */
static void kept_watch(struct opening *opening) {
    const struct policy_source *source = opening->policy->source;
    for (opening->file = source->first; opening->file; opening->file = opening->file->next)
        if (slice_is_set(opening->file->policy))
            run(opening, guard);
    run(opening, kept_read);
    opening->policy->calls_to_look = RENEW_LOOK_CALLS;
}

static void load_all(void *context) {
    struct opening *opening = context;
    const struct policy_source *source = opening->policy->source;
    if (!run(opening, build))
        return;
    for (opening->file = source->first; opening->file; opening->file = opening->file->next) {
        if (!slice_is_set(opening->file->module))
            continue;
        if (slice_is_set(opening->file->policy) && !file_is_declared(opening->file->policy))
            problem_at(opening, 1,
                       SLICE("no policy has this name (known: apps, claims, consent, login, quotas, "
                             "scopes, settings, tokens)"));
        else if (!run(opening, load))
            vm_run(opening->policy->vm, &(struct vm_budget){LOAD_MS_DEFAULT, LOAD_BLOCK_BYTES}, load_failed, NULL);
    }
    if (!opening->problems.len)
        kept_watch(opening);
    vm_settle(opening->policy->vm);
}

/* Two may be left out: every setting and every quota has a default. */
static void files_check(struct opening *opening) {
    struct policy *policy = opening->policy;
    for (const char *const *file = declared_files; *file; file++) {
        if (source_policy(policy->source, *file))
            continue;
        if (strcmp(*file, "settings") == 0)
            policy->data[DATA_settings] = value_map(&policy->arena);
        else if (strcmp(*file, "quotas") != 0)
            problem_line_add(&opening->problems,
                             arena_printf(opening->arena, "policies/%s.lua:1: the file is missing", *file));
    }
}

struct policy *policy_open(struct arena *arena, const struct policy_source *source, const struct policy_limits *limits,
                           struct slice *error) {
    struct policy *policy = calloc(1, sizeof(*policy));
    struct vm *vm = calloc(1, sizeof(*vm));
    if (!policy || !vm)
        abort();
    policy->vm = vm;
    policy->source = source;
    policy->limits = limits ? *limits : (struct policy_limits){0};
    if (!policy->limits.call_ms)
        policy->limits.call_ms = CALL_MS_DEFAULT;
    if (!policy->limits.load_ms)
        policy->limits.load_ms = LOAD_MS_DEFAULT;
    if (!policy->limits.memory_bytes)
        policy->limits.memory_bytes = MEMORY_BYTES_DEFAULT;
    for (int i = 0; i < FUNCTION_COUNT; i++)
        policy->references[i] = LUA_NOREF;
    struct opening opening = {
        .policy = policy,
        .arena = arena,
        .problems = buffer_in(arena),
        .deadline_ms = clock_monotonic_ms() + policy->limits.load_ms,
    };
    if (vm_open(policy->vm, policy->limits.memory_bytes)) {
        files_check(&opening);
        fiber_hop(load_all, &opening);
    } else {
        problem_line_add(&opening.problems, SLICE("policies:1: no memory for a Lua state"));
    }
    if (!opening.problems.len)
        return policy;
    *error = arena_copy(arena, buffer_slice(&opening.problems));
    policy_close(policy);
    return NULL;
}

static void close_vm(void *context) {
    vm_close(context);
}

void policy_close(struct policy *policy) {
    policy_shadow_set(policy, NULL, NULL);
    fiber_hop(close_vm, policy->vm);
    free(policy->vm);
    arena_free(&policy->arena);
    free(policy);
}
