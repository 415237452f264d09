/* Values to Lua tables and back. */
#ifndef POLICY_CONVERT_H
#define POLICY_CONVERT_H

#include "base/value.h"

#include <lua.h>

enum {
    CONVERT_DEPTH_MAX = 16,
    CONVERT_NODES_MAX = 4096,
    CONVERT_TEXT_BYTES_MAX = 256 * 1024,
};

/* Pushes it; null is nil. Raises when it is too deep or too large, so only in a protected call. */
void convert_push(lua_State *L, const struct value *value);

/* The value at `index` as it is when read raw. A table with the keys 1..n is a list (an empty table
 * too), one with only text keys a map, ordered by name so that it never depends on the hash. NULL
 * with *error for anything else: functions, mixed keys, NaN, too deep, too large, not UTF-8. */
struct value *convert_read(lua_State *L, int index, struct arena *arena, struct slice *error);

#endif
