/* The text of a set of policies, as read from disk. */
#ifndef POLICY_SOURCE_H
#define POLICY_SOURCE_H

#include "policy/policy.h"

enum { SOURCE_FILES_MAX = 64, SOURCE_BYTES_MAX = 256 * 1024 };

struct source_file {
    struct slice module; /* "policies.scopes", "moonlatch.list"; absent for the prelude */
    struct slice policy; /* "scopes"; absent when it is part of the library */
    const char *label;   /* "policies/scopes.lua": the last two parts of the path, for messages */
    const char *chunk;   /* the same behind '@', as Lua wants it */
    struct slice text;
    struct source_file *next;
};

struct policy_source {
    struct arena arena;
    struct source_file *first; /* the library, then the policies; each by name */
    struct source_file *last;
    struct source_file *specs; /* *_spec.lua, for policy_test alone; each by name */
    size_t count;
};

/* Adds a line to those that are there, unless it is one of them: the same problem may come up in many ways. */
void problem_line_add(struct buffer *problems, struct slice problem);

const struct source_file *source_find(const struct policy_source *source, struct slice module);
const struct source_file *source_policy(const struct policy_source *source, const char *policy);

/* The line where `name` is set in the text ("name = …"), to point at data of the wrong shape; 1 when
 * it is not found. */
int source_line_of(const struct source_file *file, struct slice name);

#endif
