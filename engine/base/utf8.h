/* UTF-8 (RFC 3629): the one place that knows it. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/buffer.h"

/* Length in bytes of the valid sequence at the front, 0 when it is not one (overlong, surrogate,
 * beyond U+10FFFF, cut off). *rune gets the code point when not NULL. */
size_t utf8_next(struct slice s, uint32_t *rune);

bool utf8_is_valid(struct slice s);

/* Code points in valid text. */
size_t utf8_count(struct slice s);

/* Of valid text as many characters as have room in `len` bytes. */
struct slice utf8_first(struct slice text, size_t len);

/* Valid text in lower case, by simple case mapping: the key under which names are unique. The process must have called
 * setlocale(LC_CTYPE, "C.UTF-8") for it to know more than ASCII. */
struct slice utf8_lower(struct arena *arena, struct slice text);

/* Moves a cursor, changes a mode, ends a line or turns the direction of what stands around it: C0, DEL and C1, the
 * marks, embeddings and isolates of bidirectional text, the separators of lines and paragraphs. A terminal, and a
 * reader of a log, obeys it, so what others wrote is never printed with one. */
bool utf8_is_control(uint32_t rune);

/* Whether the text has C0, DEL or C1 in it, but for ends of lines ("\n", "\r\n") where it may have lines. */
bool utf8_has_controls(struct slice text, bool has_lines);

/* The text as a terminal may have it: controls as \x1b or \u{202e}, bytes that are no UTF-8 as \xff; line feeds stay
 * where it has lines. */
void utf8_add_escaped(struct buffer *out, struct slice text, bool has_lines);

/* Without blanks at the ends of lines and of the text, with one line feed for each run of them; "\r\n" is one. */
struct slice utf8_tidy(struct arena *arena, struct slice text);

#endif
