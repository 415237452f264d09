#include "policy/consent_page.h"

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
