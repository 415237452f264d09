/* One Lua state with budgets of time and memory. Only engine/policy knows lua.h.
 *
 * Time is looked at every few instructions (count hook), every few KiB allocated, and by library
 * functions in proportion to their work (vm_charge), so nothing runs long without a look. Once a
 * budget is spent, every further instruction raises: no pcall can hold on to the call. */
#ifndef POLICY_VM_H
#define POLICY_VM_H

#include "base/slice.h"

#include <lua.h>
#include <stdint.h>

struct vm {
    lua_State *L;
    size_t used_bytes, memory_bytes;
    size_t block_bytes; /* the largest single string or part of a table */
    int64_t budget_ns, deadline_ns;
    size_t work; /* since the last look at the clock */
    int looks;
    bool spent;        /* a budget of this call is spent */
    char message[256]; /* which one and where */
};

struct vm_budget {
    int64_t time_ms;
    size_t block_bytes;
};

/* One kind of work counts as many units as it takes nanoseconds, roughly. */
enum { VM_UNITS_PER_LOOK = 64 * 1024, VM_UNITS_PER_STEP = 8 };

/* A bare state without any library; false when there is no memory. */
bool vm_open(struct vm *vm, size_t memory_bytes);
void vm_close(struct vm *vm);

/* Around each protected call. vm_end is true when the budgets held; else vm->message says why not,
 * and the state is ready for the next call. */
void vm_begin(struct vm *vm, const struct vm_budget *budget);
bool vm_end(struct vm *vm);

/* Work that a library function is about to do. Raises when the time is over. */
void vm_charge(lua_State *L, size_t units);

/* "policies/scopes.lua:12: " of the innermost running line that a policy wrote; "" without one. */
void vm_where(lua_State *L, char *out, size_t size);

/* The names under which a chunk of this house hides from vm_where. */
#define VM_PRELUDE "moonlatch/prelude.lua"

#endif
