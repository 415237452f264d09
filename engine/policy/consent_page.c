#include "policy/consent_page.h"

#include "fiber/fiber.h"
#include "policy/convert.h"
#include "policy/policy_state.h"
#include "policy/sandbox.h"

#include <lauxlib.h>

/* How often the page names it. */
static size_t times_named(const struct value *page, struct slice name) {
    size_t times = 0;
    for (const struct value *group = value_get(page, "groups")->first; group; group = group->next)
        for (const struct value *scope = value_get(group, "scopes")->first; scope; scope = scope->next)
            times += slice_equal(value_get_text(scope, "name"), name);
    return times;
}

struct slice consent_page_fault(struct arena *arena, const struct value *page, const struct value *facts) {
    const struct value *requested = value_get(facts, "requested");
    for (const struct value *scope = requested ? requested->first : NULL; scope; scope = scope->next) {
        size_t times = scope->kind == VALUE_TEXT ? times_named(page, scope->text) : 1;
        if (times != 1)
            return arena_printf(arena, "its page %s the requested scope %.*s", times ? "names twice" : "hides",
                                SLICE_ARG(scope->text));
    }
    return SLICE_NONE;
}

/* --- before anybody asks for it --- */

enum { ASKED_AT_ONCE = 64 }; /* as many as a request may name */

struct facts_making {
    struct policy *policy;
    struct arena *arena;
    struct value *facts;
    bool done;
};

/* moonlatch.testing's facts. */
static void facts_work(lua_State *L, void *context) {
    struct facts_making *making = context;
    struct slice error;
    const struct source_file *testing = source_find(making->policy->source, SLICE("moonlatch.testing"));
    if (!testing)
        luaL_error(L, "lua/moonlatch/testing.lua is missing");
    sandbox_load(L, testing);
    lua_getfield(L, -1, "facts");
    lua_call(L, 0, 1);
    making->facts = convert_read(L, lua_gettop(L), making->arena, &error);
}

static void facts_make(void *context) {
    struct facts_making *making = context;
    const struct vm_budget budget = {making->policy->limits.load_ms, LOAD_BLOCK_BYTES};
    making->done = vm_run(making->policy->vm, &budget, facts_work, making) && making->facts;
}

/* The same with other scopes in place of its own. */
static struct value *facts_with(struct arena *arena, const struct value *facts, const struct value *requested) {
    struct value *made = value_map(arena);
    for (const struct value *fact = facts->first; fact; fact = fact->next)
        if (!slice_is(fact->name, "requested"))
            value_set(made, fact->name, value_copy(arena, fact));
    value_set_value(made, "requested", value_copy(arena, requested));
    return made;
}

bool policy_consent_page_check(struct policy *policy, struct arena *arena, struct slice *error) {
    struct facts_making making = {.policy = policy, .arena = arena};
    struct policy_outcome outcome;
    fiber_hop(facts_make, &making);
    if (!making.done) {
        *error = arena_copy(arena, slice_of(policy->vm->message));
        return false;
    }
    for (const struct value *entry = policy_scope_catalog(policy)->first; entry;) {
        struct value *requested = value_list(arena);
        for (; entry && requested->count < ASKED_AT_ONCE; entry = entry->next)
            value_append_text(arena, requested, value_get_text(entry, "name"));
        if (!policy_eval(policy, arena, SLICE("consent.page"), facts_with(arena, making.facts, requested), NULL,
                         &outcome)) {
            *error = outcome.error;
            return false;
        }
    }
    return true;
}
