/* What policies keep from one call to the next: everything that the functions of their files can reach, by the
 * variables that they share. Decisions remember nothing, so it must stay as the files made it. */
#ifndef POLICY_KEPT_H
#define POLICY_KEPT_H

#include "base/arena.h"

#include <lua.h>

/* Walks all that can be reached from the table at the top of the stack, which a file returned (it stays there), but for
 * what another file or the library guards itself.
 * - A function that sets a variable from outside of itself, or a member of a table that such a variable leads to, is
 *   told to on() with "file:line" and why. on() must not raise.
 * - Tables refuse new members from now on (table.insert, remove and sort refuse them whole).
 * Raises when there is too much of it. */
void kept_guard(lua_State *L, struct arena *arena, void (*on)(void *context, const char *place, struct slice why),
                void *context);

/* What kept_guard has met stands in the registry; a number that is another one when any of it changed (what no guard
 * sees is a member that had a value and got another). */
uint64_t kept_sum(lua_State *L);

/* Raises when the table at `index` is kept: for library functions that would change it. */
void kept_refuse(lua_State *L, int index);

#endif
