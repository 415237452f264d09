/* What a Lua function does, read from its bytecode before it ever runs: which globals it uses, and whether it changes
 * what it keeps from call to call. */
#ifndef POLICY_BYTECODE_H
#define POLICY_BYTECODE_H

#include "base/arena.h"

#include <lua.h>

enum deed {
    DEED_READS_GLOBAL,
    DEED_SETS_GLOBAL,
    DEED_SETS_KEPT_LOCAL, /* a local variable from outside of the function */
    DEED_SETS_KEPT_TABLE, /* a member of a table that such a variable leads to */
};

/* Calls on() for each such deed of the Lua function at the top of the stack, and of the functions that it makes, with
 * the name of the global or local ("" where the debug information has none) and the line. For a whole chunk, which has
 * nothing from outside, only the globals. False when the bytecode is not that of the LuaJIT that this was written for:
 * then nothing is known of the function. on() must not raise. */
bool bytecode_read(lua_State *L, struct arena *arena,
                   void (*on)(void *context, enum deed deed, struct slice name, int line), void *context);

#endif
