/* The default set of policies with one file replaced: what the policy specs stand on. */
#ifndef SPEC_POLICY_SET_H
#define SPEC_POLICY_SET_H

#include "../unit/unit.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "policy/policy.h"
#include "policy/source.h"

#include <stdlib.h>

static struct arena arena;
static struct slice set_error;

struct set {
    struct policy_source *source;
    struct policy *policy;
};

/* text NULL: the file is left out; policy NULL: all as they are. */
static struct set set_open(const char *policy, const char *text) {
    struct set set = {0};
    set_error = SLICE("");
    set.source =
        policy_source_read(&arena, MOONLATCH_HOME "/policies", MOONLATCH_HOME "/lua/moonlatch", NULL, &set_error);
    if (!set.source)
        return set;
    struct source_file *file = set.source->first;
    while (policy && !slice_is(file->module, policy))
        file = file->next;
    if (policy && text)
        file->text = slice_of(text);
    else if (policy)
        file->policy = file->module = SLICE("left.out");
    set.policy = policy_open(&arena, set.source, NULL, &set_error);
    return set;
}

static inline void set_close(struct set *set) {
    if (set->policy)
        policy_close(set->policy);
    if (set->source)
        policy_source_free(set->source);
}

/* Facts, written with ' for ". */
static inline struct value *json(const char *text) {
    char *copy = (char *)(uintptr_t)arena_string(&arena, slice_of(text));
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    struct value *value = json_parse(&arena, slice_of(copy), NULL);
    if (!value) {
        printf("# not JSON: %s\n", copy);
        abort();
    }
    return value;
}

static inline const char *text_of(const struct value *value) {
    struct buffer buffer = buffer_in(&arena);
    if (!value)
        return "NULL";
    json_write(&buffer, value);
    return arena_string(&arena, buffer_slice(&buffer));
}

static inline const char *string(struct slice s) {
    return slice_is_set(s) ? arena_string(&arena, s) : "";
}

#define CHECK_TEXT(got, wanted) \
    do { \
        const char *got_ = (got), *wanted_ = (wanted); \
        CHECK(strcmp(got_, wanted_) == 0); \
        if (strcmp(got_, wanted_) != 0) \
            printf("# got:    %s\n# wanted: %s\n", got_, wanted_); \
    } while (0)

#endif
