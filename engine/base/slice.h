/* A slice: bytes that somebody else owns. Not NUL-terminated; may hold any byte.
 * `at == NULL` means "absent", which is not the same as empty ("" with a non-NULL `at`). */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct slice {
    const char *at;
    size_t len;
};

/* For printf: "%.*s", SLICE_ARG(s). */
#define SLICE_ARG(s) (int)(s).len, (s).at
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})
#define SLICE_NONE ((struct slice){NULL, 0})

static inline struct slice slice_of(const char *text) {
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_is_set(struct slice s) {
    return s.at != NULL;
}

static inline bool slice_equal(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool slice_is(struct slice s, const char *text) {
    return slice_equal(s, slice_of(text));
}

/* ASCII case only: for header names, schemes and media types (RFC 9110 §5.1). */
static inline bool slice_is_nocase(struct slice s, const char *text) {
    return s.len == strlen(text) && (s.len == 0 || strncasecmp(s.at, text, s.len) == 0);
}

static inline bool slice_starts(struct slice s, const char *prefix) {
    size_t len = strlen(prefix);
    return s.len >= len && memcmp(s.at, prefix, len) == 0;
}

static inline struct slice slice_from(struct slice s, size_t start) {
    return (struct slice){s.at + start, s.len - start};
}

/* The first `len` bytes, or all where there are fewer. */
static inline struct slice slice_first(struct slice s, size_t len) {
    return (struct slice){s.at, s.len < len ? s.len : len};
}

/* Index of the first `byte`, or s.len when there is none. */
static inline size_t slice_find(struct slice s, char byte) {
    const char *found = s.len ? memchr(s.at, byte, s.len) : NULL;
    return found ? (size_t)(found - s.at) : s.len;
}

/* Without leading and trailing spaces and tabs (OWS, RFC 9110 §5.6.3). */
static inline struct slice slice_trim(struct slice s) {
    while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
        s.at++, s.len--;
    while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Cuts the part before `separator` off the front of *rest and returns it; *rest becomes what
 * follows the separator, or absent after the last part. Loop: while (slice_is_set(rest)). */
static inline struct slice slice_cut(struct slice *rest, char separator) {
    size_t end = slice_find(*rest, separator);
    struct slice part = {rest->at, end};
    *rest = end < rest->len ? slice_from(*rest, end + 1) : SLICE_NONE;
    return part;
}

#endif
