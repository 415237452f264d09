/* One Lua state with budgets of time and memory. Only engine/policy knows lua.h.
 *
 * Time is looked at every few instructions (count hook), every few KiB allocated, and by library
 * functions in proportion to their work (vm_charge), so nothing runs long without a look. Once a
 * budget is spent, every further instruction raises: no pcall can hold on to the call. */
#ifndef POLICY_VM_H
#define POLICY_VM_H

#include "base/slice.h"
#include "policy/blocks.h"

#include <lua.h>
#include <stdint.h>

/* Names of facts are the same in each call: the Lua strings of those that were pushed lately. */
enum { VM_NAMES = 128, VM_NAME_MAX = 32 };
struct vm_name {
    const char *at; /* where it stood; NULL: free */
    size_t len;
    char text[VM_NAME_MAX];
    int reference; /* in the registry */
};

struct vm {
    lua_State *L;
    struct vm_name names[VM_NAMES];
    struct blocks blocks;
    size_t used_bytes, memory_bytes;
    size_t block_bytes; /* the largest single string or part of a table */
    int64_t budget_ns, deadline_ns;
    int64_t took_ns; /* the last vm_run */
    size_t work;     /* since the last look at the clock */
    int looks;
    size_t settled_bytes; /* what lived after vm_settle */
    bool is_full;
    bool spent;        /* a budget of this call is spent */
    bool was_spent;    /* in the last vm_run */
    char message[512]; /* why the last vm_run failed, mostly with file:line */
    void (*work_now)(lua_State *L, void *context);
    void *context;
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
/* When all is loaded: from now on calls leave garbage behind until it is worth a collection. */
void vm_settle(struct vm *vm);

/* Whether a call ran out of memory and what lives after the collection is so much that the next one may as well. */
bool vm_is_full(const struct vm *vm);

/* Calls work(L, context) on an empty stack, protected and within the budget. False, with vm->message,
 * when it raised or spent a budget (even if it caught the error); the state is fit for the next call
 * either way. Allocates nothing itself. */
bool vm_run(struct vm *vm, const struct vm_budget *budget, void (*work)(lua_State *L, void *context), void *context);

/* Inside of vm_run: lua_call with a budget of its own, as if it were a vm_run (what is left of the outer one is for the
 * rest). Raises what the call raised. A budget that is spent also ends the outer run. */
void vm_call_within(lua_State *L, int arguments, int results, const struct vm_budget *budget);

/* Like lua_pushlstring, for what is pushed again and again from the same place. */
void vm_push_name(lua_State *L, struct slice name);

/* Work that a library function is about to do. Raises when the time is over. */
void vm_charge(lua_State *L, size_t units);

/* "policies/scopes.lua:12: " of the innermost running line that a policy wrote; "" without one. */
void vm_where(lua_State *L, char *out, size_t size);

/* In the registry: the table of loaded libraries, which no sandbox can reach. It must stay, for LuaJIT opens its FFI by
 * itself where it thinks that it needs it, and keeps what that needs to live in there alone (LuaJIT#1168). */
#define VM_LOADED "_LOADED"

/* The chunk that vm_where passes over: an operator's mistakes are not in there. */
#define VM_PRELUDE "moonlatch/prelude.lua"

#endif
