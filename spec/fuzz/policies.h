/* A small set of policies, read once: its files are replaced by an input, and loaded in a fraction of the shipped set's
 * time. */
#ifndef SPEC_FUZZ_POLICIES_H
#define SPEC_FUZZ_POLICIES_H

#include "fuzz.h"

#include "base/log.h"
#include "policy/policy.h"
#include "policy/source.h"

/* What each file has, f being a function. */
static const char *const policies_files[][2] = {
    {"login", "methods = { 'hotkey' }, allow = f, second_factor = f"},
    {"consent", "decide = f, page = f"},
    {"claims", "userinfo = f, id_token = f"},
    {"tokens", "lifetimes = f, format = f, resource = f, exchange = f"},
    {"apps", "may_create = f, may_edit = f, redirect_uri = f, listing = f, present = f, may_register = f"},
    {"scopes", "catalog = { { name = 'a', description = 'b' } }, default = { 'a' }, describe = f, may_register = f, "
               "grant = f, permits = f, privileged = f"},
    {"quotas", "limits = f"},
    {"settings", ""},
};
enum { POLICIES_FILES = sizeof(policies_files) / sizeof(*policies_files) };

/* The file `policy` becomes that text, which must live as long as the set is used. */
static inline void policies_replace(const struct policy_source *source, const char *policy, struct slice text) {
    for (struct source_file *file = source->first; file; file = file->next)
        if (slice_is_set(file->policy) && slice_is(file->policy, policy))
            file->text = text;
}

/* Every file's f is that function. */
static inline void policies_answer(struct arena *arena, const struct policy_source *source, const char *f) {
    for (size_t i = 0; i < POLICIES_FILES; i++)
        policies_replace(source, policies_files[i][0],
                         arena_printf(arena, "%s return { %s }", f, policies_files[i][1]));
}

/* The shipped set's files as above, with `f` (in Lua); without the library unless `has_library`. */
static inline struct policy_source *policies_read(bool has_library, const char *f) {
    struct slice error = SLICE_NONE;
    struct arena arena;
    log_level_set((enum log_level)(LOG_ERROR + 1));
    arena_init(&arena);
    struct policy_source *source =
        policy_source_read(&arena, MOONLATCH_HOME "/policies", MOONLATCH_HOME "/lua/moonlatch", NULL, &error);
    FUZZ_CHECK(source);
    policies_answer(&source->arena, source, f);
    struct source_file **next = &source->first;
    while (*next)
        if (!has_library && slice_is_set((*next)->module) && !slice_is_set((*next)->policy))
            *next = (*next)->next;
        else
            next = &(*next)->next;
    arena_free(&arena);
    return source;
}

#endif
