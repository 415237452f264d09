/* The library functions that LuaJIT's own cannot stand in for: theirs cannot be interrupted, call
 * back into Lua through C, or show addresses. Each charges for its work. */
#ifndef POLICY_LIBRARY_H
#define POLICY_LIBRARY_H

#include <lua.h>

/* Pushes a table with charge, find, match, rep, format, tostring, setmetatable and refuse_kept. */
void library_push(lua_State *L);

#endif
