/* Follows the semantics of Lua 5.1's string.find (with %g and %f, as LuaJIT has them); written as a
 * backtracking matcher whose recursion is bounded and whose steps are counted. */
#include "policy/pattern.h"

#include <ctype.h>

enum { CAPTURE_OPEN = -1, CAPTURE_POSITION = -2, ESCAPE = '%' };

static const char *match(struct pattern_search *s, const char *at, const char *p);

bool pattern_capture_is_position(const struct pattern_capture *capture) {
    return capture->len == CAPTURE_POSITION;
}

bool pattern_is_plain(struct slice pattern) {
    for (size_t i = 0; i < pattern.len; i++)
        if (pattern.at[i] && strchr("^$*+?.([%-", pattern.at[i]))
            return false;
    return true;
}

static const char *subject_end(const struct pattern_search *s) {
    return s->subject.at + s->subject.len;
}

static const char *pattern_end(const struct pattern_search *s) {
    return s->pattern.at + s->pattern.len;
}

static void *refuse(struct pattern_search *s, const char *error) {
    s->error = error;
    return NULL;
}

static void step(struct pattern_search *s) {
    if (++s->steps % PATTERN_STEPS_PER_CHARGE == 0)
        s->charge(s->context);
}

/* Behind the single character or class that starts at p; NULL when it is malformed. */
static const char *class_end(struct pattern_search *s, const char *p) {
    const char *end = pattern_end(s);
    char c = *p++;
    if (c == ESCAPE) {
        if (p == end)
            return refuse(s, "malformed pattern (ends with '%')");
        return p + 1;
    }
    if (c != '[')
        return p;
    if (p < end && *p == '^')
        p++;
    do { /* a ']' at once stands for itself */
        if (p == end)
            return refuse(s, "malformed pattern (missing ']')");
        if (*p++ == ESCAPE && p < end)
            p++;
    } while (p == end || *p != ']');
    return p + 1;
}

static bool class_has(int c, int class) {
    bool has;
    switch (tolower(class)) {
    case 'a':
        has = isalpha(c);
        break;
    case 'c':
        has = iscntrl(c);
        break;
    case 'd':
        has = isdigit(c);
        break;
    case 'g':
        has = isgraph(c);
        break;
    case 'l':
        has = islower(c);
        break;
    case 'p':
        has = ispunct(c);
        break;
    case 's':
        has = isspace(c);
        break;
    case 'u':
        has = isupper(c);
        break;
    case 'w':
        has = isalnum(c);
        break;
    case 'x':
        has = isxdigit(c);
        break;
    case 'z':
        has = c == 0;
        break;
    default:
        return class == c;
    }
    return isupper(class) ? !has : has;
}

/* p is at '[', last at the ']' that closes it. */
static bool set_has(int c, const char *p, const char *last) {
    bool wanted = true;
    if (p[1] == '^') {
        wanted = false;
        p++;
    }
    while (++p < last) {
        if (*p == ESCAPE) {
            if (class_has(c, (unsigned char)*++p))
                return wanted;
        } else if (p[1] == '-' && p + 2 < last) {
            p += 2;
            if ((unsigned char)p[-2] <= c && c <= (unsigned char)*p)
                return wanted;
        } else if ((unsigned char)*p == c) {
            return wanted;
        }
    }
    return !wanted;
}

static bool single_matches(struct pattern_search *s, const char *at, const char *p, const char *p_end) {
    step(s);
    if (at >= subject_end(s))
        return false;
    int c = (unsigned char)*at;
    switch (*p) {
    case '.':
        return true;
    case ESCAPE:
        return class_has(c, (unsigned char)p[1]);
    case '[':
        return set_has(c, p, p_end - 1);
    default:
        return (unsigned char)*p == c;
    }
}

/* %bxy */
static const char *match_balance(struct pattern_search *s, const char *at, const char *p) {
    if (pattern_end(s) - p < 2)
        return refuse(s, "unbalanced pattern");
    if (at >= subject_end(s) || *at != p[0])
        return NULL;
    int open = 1;
    while (++at < subject_end(s)) {
        step(s);
        if (*at == p[1]) {
            if (--open == 0)
                return at + 1;
        } else if (*at == p[0]) {
            open++;
        }
    }
    return NULL;
}

static const char *expand_most(struct pattern_search *s, const char *at, const char *p, const char *p_end) {
    ptrdiff_t count = 0;
    while (single_matches(s, at + count, p, p_end))
        count++;
    for (; count >= 0 && !s->error; count--) {
        const char *end = match(s, at + count, p_end + 1);
        if (end)
            return end;
    }
    return NULL;
}

static const char *expand_least(struct pattern_search *s, const char *at, const char *p, const char *p_end) {
    while (!s->error) {
        const char *end = match(s, at, p_end + 1);
        if (end)
            return end;
        if (!single_matches(s, at, p, p_end))
            return NULL;
        at++;
    }
    return NULL;
}

static const char *capture_open(struct pattern_search *s, const char *at, const char *p, ptrdiff_t mark) {
    if (s->capture_count == PATTERN_CAPTURES_MAX)
        return refuse(s, "too many captures");
    s->captures[s->capture_count++] = (struct pattern_capture){at, mark};
    const char *end = match(s, at, p);
    if (!end)
        s->capture_count--;
    return end;
}

static const char *capture_close(struct pattern_search *s, const char *at, const char *p) {
    int index = s->capture_count - 1;
    while (index >= 0 && s->captures[index].len != CAPTURE_OPEN)
        index--;
    if (index < 0)
        return refuse(s, "invalid pattern capture");
    s->captures[index].len = at - s->captures[index].start;
    const char *end = match(s, at, p);
    if (!end)
        s->captures[index].len = CAPTURE_OPEN;
    return end;
}

/* %1 to %9: the same bytes again. NULL when they are not there. */
static const char *match_again(struct pattern_search *s, const char *at, char digit) {
    int index = digit - '1';
    if (index < 0 || index >= s->capture_count || s->captures[index].len == CAPTURE_OPEN)
        return refuse(s, "invalid capture index");
    const struct pattern_capture *capture = &s->captures[index];
    if (capture->len == CAPTURE_POSITION || subject_end(s) - at < capture->len ||
        memcmp(at, capture->start, (size_t)capture->len) != 0)
        return NULL;
    s->steps += (unsigned)capture->len / 64;
    return at + capture->len;
}

/* %f[set]: between a character outside of the set and one inside; both ends count as '\0'. */
static bool frontier_matches(struct pattern_search *s, const char *at, const char *p, const char *p_end) {
    int before = at == s->subject.at ? 0 : (unsigned char)at[-1];
    int here = at == subject_end(s) ? 0 : (unsigned char)*at;
    return !set_has(before, p, p_end - 1) && set_has(here, p, p_end - 1);
}

/* One item of the pattern at *p: moves both on, or sets *result (which may be NULL: no match) and
 * returns false when the rest has been matched already. */
static bool match_item(struct pattern_search *s, const char **at, const char **p, const char **result) {
    const char *p_end = class_end(s, *p);
    *result = NULL;
    if (!p_end)
        return false;
    char suffix = p_end < pattern_end(s) ? *p_end : '\0';
    if (suffix == '*') {
        *result = expand_most(s, *at, *p, p_end);
        return false;
    }
    if (suffix == '-') {
        *result = expand_least(s, *at, *p, p_end);
        return false;
    }
    bool matches = single_matches(s, *at, *p, p_end);
    if (suffix == '?') {
        *result = matches ? match(s, *at + 1, p_end + 1) : NULL;
        *p = p_end + 1;
        return !*result && !s->error; /* goes on without it */
    }
    if (suffix == '+') {
        *result = matches ? expand_most(s, *at + 1, *p, p_end) : NULL;
        return false;
    }
    *at += 1;
    *p = p_end;
    return matches;
}

/* The items that start with '%' and are no class. False when it is none of these. */
static bool match_escape(struct pattern_search *s, const char **at, const char **p) {
    const char *after = *p + 2;
    if (after > pattern_end(s))
        return false;
    switch ((*p)[1]) {
    case 'b':
        *at = match_balance(s, *at, after);
        *p = after + 2;
        return true;
    case 'f': {
        if (after == pattern_end(s) || *after != '[') {
            *at = refuse(s, "missing '[' after '%f' in pattern");
            return true;
        }
        const char *p_end = class_end(s, after);
        if (!p_end || !frontier_matches(s, *at, after, p_end))
            *at = NULL;
        *p = p_end;
        return true;
    }
    default:
        if (!isdigit((unsigned char)(*p)[1]))
            return false;
        *at = match_again(s, *at, (*p)[1]);
        *p = after;
        return true;
    }
}

static const char *match_rest(struct pattern_search *s, const char *at, const char *p) {
    while (p < pattern_end(s)) {
        step(s);
        if (*p == '(') {
            bool is_position = p + 1 < pattern_end(s) && p[1] == ')';
            return is_position ? capture_open(s, at, p + 2, CAPTURE_POSITION)
                               : capture_open(s, at, p + 1, CAPTURE_OPEN);
        }
        if (*p == ')')
            return capture_close(s, at, p + 1);
        if (*p == '$' && p + 1 == pattern_end(s))
            return at == subject_end(s) ? at : NULL;
        if (*p == ESCAPE && match_escape(s, &at, &p)) {
            if (!at)
                return NULL;
            continue;
        }
        const char *result;
        if (!match_item(s, &at, &p, &result))
            return result;
    }
    return at;
}

static const char *match(struct pattern_search *s, const char *at, const char *p) {
    if (s->error)
        return NULL;
    if (s->depth == PATTERN_DEPTH_MAX)
        return refuse(s, "pattern too complex");
    s->depth++;
    const char *end = match_rest(s, at, p);
    s->depth--;
    return end;
}

bool pattern_find(struct pattern_search *s, size_t from) {
    bool is_anchored = s->pattern.len && s->pattern.at[0] == '^';
    const char *p = s->pattern.at + is_anchored;
    s->error = NULL;
    s->depth = 0;
    for (s->start = s->subject.at + from;; s->start++) {
        s->capture_count = 0;
        s->end = match(s, s->start, p);
        for (int i = 0; s->end && i < s->capture_count; i++)
            if (s->captures[i].len == CAPTURE_OPEN)
                s->end = refuse(s, "unfinished capture");
        if (s->end || s->error || is_anchored || s->start == subject_end(s))
            return s->end != NULL;
    }
}
