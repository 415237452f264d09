/* Lua patterns with a budget. LuaJIT's own matcher cannot be interrupted and may take years for a
 * pattern such as "a*a*a*a*b"; this one asks for every few steps. Knows nothing of Lua's state. */
#ifndef POLICY_PATTERN_H
#define POLICY_PATTERN_H

#include "base/slice.h"

enum { PATTERN_CAPTURES_MAX = 32, PATTERN_DEPTH_MAX = 200, PATTERN_STEPS_PER_CHARGE = 256 };

struct pattern_capture {
    const char *start;
    ptrdiff_t len; /* or one of the marks in pattern.c */
};

struct pattern_search {
    struct slice subject, pattern;
    void (*charge)(void *context); /* after PATTERN_STEPS_PER_CHARGE steps; may leave by longjmp */
    void *context;

    /* the result */
    const char *start, *end; /* of the match */
    int capture_count;
    struct pattern_capture captures[PATTERN_CAPTURES_MAX];
    const char *error; /* the pattern is malformed or too complex; then nothing was found */

    int depth;
    unsigned steps;
};

/* The first match at or behind subject[from]; from <= subject.len. */
bool pattern_find(struct pattern_search *search, size_t from);

/* Whether the pattern holds no magic character, so that plain search does. */
bool pattern_is_plain(struct slice pattern);

bool pattern_capture_is_position(const struct pattern_capture *capture);

#endif
