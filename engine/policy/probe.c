/* policy_probe: what loading cannot see, each function being asked once with facts of every kind. */
#include "policy/as_live.h"
#include "policy/call.h"
#include "policy/convert.h"
#include "policy/sandbox.h"

#include "base/buffer.h"
#include "fiber/fiber.h"

#include <lauxlib.h>

/* A call may seem to be long because the machine was busy. */
enum { ATTEMPTS_MAX = 3 };

struct probing {
    struct policy *policy;
    struct arena *arena;
    struct value *catalog; /* the names */
    struct buffer problems, notes, raised;
    struct as_live as_live;
    enum policy_function function;
    const struct value *cases, *one;
    size_t decided;
};

/* --- the scopes that are named --- */

static void scope_problem(struct probing *probing, const char *member, struct slice scope, const char *what) {
    const struct source_file *file = source_policy(probing->policy->source, "scopes");
    problem_line_add(&probing->problems,
                     arena_printf(probing->arena, "%s:%d: scopes.%s: %s %.*s", file->label,
                                  source_line_of(file, slice_of(member)), member, what, SLICE_ARG(scope)));
}

static bool list_holds(const struct value *list, struct slice text) {
    for (const struct value *one = list->first; one; one = one->next)
        if (slice_equal(one->text, text))
            return true;
    return false;
}

/* One that is not in the catalog may be of a family. */
static bool is_described(struct probing *probing, const struct value *scope) {
    struct policy_outcome outcome;
    return policy_eval(probing->policy, probing->arena, SLICE("scopes.describe"), scope, NULL, &outcome) &&
           outcome.results[0]->kind == VALUE_TEXT;
}

static void scopes_check(struct probing *probing) {
    const struct value *entry = policy_scope_catalog(probing->policy)->first;
    probing->catalog = value_list(probing->arena);
    for (; entry; entry = entry->next) {
        struct slice name = value_get_text(entry, "name");
        if (list_holds(probing->catalog, name))
            scope_problem(probing, "catalog", name, "there is twice");
        else
            value_append_text(probing->arena, probing->catalog, name);
    }
    for (const struct value *one = policy_scope_default(probing->policy)->first; one; one = one->next)
        if (!list_holds(probing->catalog, one->text) && !is_described(probing, one))
            scope_problem(probing, "default", one->text, "there is no scope");
}

/* --- the functions --- */

static void cases_make(lua_State *L, void *context) {
    struct probing *probing = context;
    struct slice error = SLICE_NONE;
    const struct source_file *file = source_find(probing->policy->source, SLICE("moonlatch.cases"));
    if (!file)
        luaL_error(L, "lua/moonlatch/cases.lua:1: the file is missing");
    sandbox_load(L, file);
    lua_getfield(L, -1, "of");
    lua_pushstring(L, call_name(probing->function));
    convert_push(L, probing->catalog);
    lua_call(L, 2, 1);
    probing->cases = convert_read(L, lua_gettop(L), probing->arena, &error);
    if (!probing->cases)
        luaL_error(L, "%s:1: cases may not hold %s", file->label, arena_string(probing->arena, error));
}

static void case_ask(lua_State *L, void *context) {
    struct probing *probing = context;
    const struct value *arguments = value_get(probing->one, "arguments");
    as_live_push(L, &probing->as_live, probing->function);
    for (const struct value *argument = arguments->first; argument; argument = argument->next)
        convert_push(L, argument);
    lua_call(L, (int)arguments->count, 0);
}

/* Only the call itself is within its budget: this one is for all around it. */
static bool run(struct probing *probing, void (*work)(lua_State *L, void *context)) {
    const struct vm_budget budget = {probing->policy->limits.load_ms, LOAD_BLOCK_BYTES};
    return vm_run(probing->policy->vm, &budget, work, probing);
}

static void case_check(struct probing *probing) {
    const struct vm *vm = probing->policy->vm;
    bool is_good = false;
    probing->as_live.fault = SLICE_NONE;
    for (int i = 0; i == 0 || (i < ATTEMPTS_MAX && vm->was_spent); i++)
        is_good = run(probing, case_ask);
    if (probing->as_live.fault.len) {
        problem_line_add(&probing->problems, probing->as_live.fault);
        return;
    }
    if (is_good) {
        probing->decided++;
        return;
    }
    struct slice raised = call_place(probing->policy, probing->function, probing->arena, slice_of(vm->message));
    bool is_sure = value_get(probing->one, "is_sure")->boolean || vm->was_spent;
    problem_line_add(is_sure ? &probing->problems : &probing->raised,
                     arena_printf(probing->arena, "%.*s (%s: %.*s)", SLICE_ARG(raised), call_name(probing->function),
                                  SLICE_ARG(value_get_text(probing->one, "about"))));
}

static void function_check(struct probing *probing) {
    probing->raised = buffer_in(probing->arena);
    probing->decided = 0;
    if (!run(probing, cases_make)) {
        problem_line_add(&probing->problems, arena_copy(probing->arena, slice_of(probing->policy->vm->message)));
        return;
    }
    probing->policy->vm->was_spent = false;
    for (probing->one = probing->cases->first; probing->one; probing->one = probing->one->next)
        if (!probing->policy->vm->was_spent) /* the others would be so, and take long */
            case_check(probing);
    struct slice rest = probing->raised.len ? buffer_slice(&probing->raised) : SLICE_NONE;
    while (slice_is_set(rest))
        problem_line_add(probing->decided ? &probing->notes : &probing->problems, slice_cut(&rest, '\n'));
}

static void functions_check(void *context) {
    struct probing *probing = context;
    for (int i = 0; i < FUNCTION_COUNT; i++) {
        probing->function = (enum policy_function)i;
        if (policy_has(probing->policy, probing->function))
            function_check(probing);
    }
}

bool policy_probe(struct policy *policy, struct arena *arena, struct slice *notes, struct slice *error) {
    struct probing probing = {
        .policy = policy,
        .arena = arena,
        .problems = buffer_in(arena),
        .notes = buffer_in(arena),
        .as_live = {.policy = policy, .arena = arena, .is_strict = true},
    };
    scopes_check(&probing);
    if (!probing.problems.len)
        fiber_hop(functions_check, &probing);
    *notes = probing.notes.len ? buffer_slice(&probing.notes) : SLICE_NONE;
    *error = probing.problems.len ? buffer_slice(&probing.problems) : SLICE_NONE;
    return !probing.problems.len;
}
