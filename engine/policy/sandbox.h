/* The environment that policies see: an allow-list, read-only, with `require` for the files of the
 * set. Everything in policies and in lua/moonlatch runs in it. */
#ifndef POLICY_SANDBOX_H
#define POLICY_SANDBOX_H

#include "policy/source.h"

#include <lua.h>

/* Opens the libraries, loads the prelude and leaves only the environment reachable. Raises; call it
 * protected, on a fresh state. The source must outlive the state. */
void sandbox_build(lua_State *L, const struct policy_source *source);

/* Loads and runs the file unless it has been, and pushes what it returned (a policy's own table, or a
 * library's read-only face). Raises with file:line. */
void sandbox_load(lua_State *L, const struct source_file *file);

/* Pushes what policies see: a read-only face of it. */
void sandbox_environment_push(lua_State *L);

/* Whether it is a global that policies see. */
bool sandbox_has(lua_State *L, struct slice name);

/* After a sandbox_load that raised: takes back the mark of the files that did not come to their end. */
void sandbox_load_failed(lua_State *L);

#endif
