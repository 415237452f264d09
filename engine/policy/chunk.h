/* The one way in which Lua text becomes a function, in every state that there is: policies, their specs, settings, the
 * library, languages. */
#ifndef POLICY_CHUNK_H
#define POLICY_CHUNK_H

#include "base/slice.h"

#include <lua.h>

/* Pushes the text as a function that was not called yet; `chunk` is its name as Lua wants it ("@policies/login.lua").
 * Text only, for bytecode could do anything, and without LuaJIT's literals of FFI types (1LL, 1ULL, 2i), which mean
 * nothing here. Raises "file:line: what". */
void chunk_load(lua_State *L, struct slice text, const char *chunk);

/* The line of the first such literal; 0 without one. */
int chunk_ffi_literal_line(struct slice text);

#endif
