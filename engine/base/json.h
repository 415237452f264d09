/* JSON (RFC 8259): jansson reads it into values, values are written as text. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buffer.h"
#include "base/value.h"

/* Arrays and objects may stand this deep inside one another, and there may be so many values: other text is refused
 * before any parser recurses on it (a fiber's stack is small) or makes some 200 bytes of each of its values. */
enum { JSON_DEPTH_MAX = 32, JSON_VALUES_MAX = 8192 };

/* The parsed text, in `arena`; NULL when it is not valid JSON in valid UTF-8, is too deep, names a
 * member twice or holds a NUL in a string: then *error (if not NULL) says why in a few words. */
struct value *json_parse(struct arena *arena, struct slice text, struct slice *error);

void json_write(struct buffer *buffer, const struct value *value);
/* A string with its quotes. Text that is not UTF-8 is written with U+FFFD for each bad byte; what a terminal obeys
 * (utf8_is_control) is escaped, so that JSON can be read there. */
void json_write_text(struct buffer *buffer, struct slice text);

#endif
