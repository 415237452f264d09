/* UTF-8 (RFC 3629): the one place that knows it. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/arena.h"

/* Length in bytes of the valid sequence at the front, 0 when it is not one (overlong, surrogate,
 * beyond U+10FFFF, cut off). *rune gets the code point when not NULL. */
size_t utf8_next(struct slice s, uint32_t *rune);

bool utf8_is_valid(struct slice s);

/* Code points in valid text. */
size_t utf8_count(struct slice s);

/* The process must have called setlocale(LC_CTYPE, "C.UTF-8") for these two to know more than ASCII. */
bool utf8_is_letter(uint32_t rune);
/* Valid text in lower case, by simple case mapping: the key under which names are unique. */
struct slice utf8_lower(struct arena *arena, struct slice text);

#endif
