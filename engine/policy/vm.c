#include "policy/vm.h"

#include "base/clock.h"

#include <lauxlib.h>
#include <luajit.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    INSTRUCTIONS_PER_LOOK = 1000, /* some 20 us */
    /* A call that has hardly begun when its time is over has been waiting for a processor. */
    LOOKS_BEFORE_BLAME = 32,
    MEMORY_FOR_MESSAGES = 64 * 1024,
    LEVELS_MAX = 32,
    PAUSE_PERCENT_MIN = 200, /* Lua's own: collect when there is twice what lived after the last time */
    PAUSE_PERCENT_MAX = 1000,
};

static struct vm *vm_of(lua_State *L) {
    void *vm;
    lua_getallocf(L, &vm);
    return vm;
}

static void hook(lua_State *L, lua_Debug *activation);

/* Setting a hook is safe at any moment (luajit's own SIGINT handler does it), also from inside the
 * allocator, where raising is not. */
__attribute__((format(printf, 2, 3))) static void spend(struct vm *vm, const char *format, ...) {
    if (vm->spent)
        return;
    va_list amount;
    va_start(amount, format);
    vm->spent = true;
    vsnprintf(vm->message, sizeof(vm->message), format, amount);
    va_end(amount);
    lua_sethook(vm->L, hook, LUA_MASKCOUNT, 1);
}

static void look(struct vm *vm) {
    vm->work = 0;
    vm->looks++;
    if (vm->spent || clock_monotonic_ns() < vm->deadline_ns)
        return;
    if (vm->looks < LOOKS_BEFORE_BLAME) {
        vm->looks = LOOKS_BEFORE_BLAME;
        vm->deadline_ns = clock_monotonic_ns() + vm->budget_ns;
        return;
    }
    spend(vm, "took longer than %.0f ms", (double)vm->budget_ns / 1e6);
}

void vm_where(lua_State *L, char *out, size_t size) {
    lua_Debug at;
    out[0] = '\0';
    for (int level = 0; level < LEVELS_MAX && lua_getstack(L, level, &at); level++) {
        if (!lua_getinfo(L, "Sl", &at) || at.currentline <= 0 || strcmp(at.short_src, VM_PRELUDE) == 0)
            continue;
        snprintf(out, size, "%s:%d: ", at.short_src, at.currentline);
        return;
    }
}

/* "policies/scopes.lua:12: …" */
static bool has_place(const char *message) {
    const char *place = strstr(message, ".lua:"), *text = strstr(message, ": ");
    return place && place[5] >= '0' && place[5] <= '9' && text && text > place;
}

static void raise_if_spent(lua_State *L, struct vm *vm) {
    if (!vm->spent)
        return;
    if (!has_place(vm->message)) {
        char why[100], where[128];
        snprintf(why, sizeof(why), "%.99s", vm->message);
        vm_where(L, where, sizeof(where));
        snprintf(vm->message, sizeof(vm->message), "%s%s", where, why);
    }
    lua_pushstring(L, vm->message);
    lua_error(L);
}

static void hook(lua_State *L, lua_Debug *activation) {
    (void)activation;
    struct vm *vm = vm_of(L);
    look(vm);
    raise_if_spent(L, vm);
}

void vm_push_name(lua_State *L, struct slice name) {
    struct vm_name *known = &vm_of(L)->names[((uintptr_t)name.at >> 2 ^ name.len) % VM_NAMES];
    if (known->at == name.at && known->len == name.len && memcmp(known->text, name.at, name.len) == 0) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, known->reference);
        return;
    }
    lua_pushlstring(L, name.at, name.len);
    if (name.len > VM_NAME_MAX)
        return;
    lua_pushvalue(L, -1);
    if (known->at)
        lua_rawseti(L, LUA_REGISTRYINDEX, known->reference);
    else
        known->reference = luaL_ref(L, LUA_REGISTRYINDEX);
    known->at = name.at;
    known->len = name.len;
    memcpy(known->text, name.at, name.len);
}

void vm_charge(lua_State *L, size_t units) {
    struct vm *vm = vm_of(L);
    vm->work += units;
    if (vm->work >= VM_UNITS_PER_LOOK)
        look(vm);
    raise_if_spent(L, vm);
}

/* Never refuses to shrink, as lua_Alloc promises; allows a little beyond the cap for the message. */
static void *allocate(void *context, void *old, size_t old_size, size_t size) {
    struct vm *vm = context;
    if (!old)
        old_size = 0;
    if (size > old_size && vm->L) {
        size_t cap = vm->memory_bytes + (vm->spent ? MEMORY_FOR_MESSAGES : 0);
        if (size > vm->block_bytes) {
            spend(vm, "made a string, table or call stack larger than %.0f KiB", (double)vm->block_bytes / 1024);
            return NULL;
        }
        if (vm->used_bytes - old_size + size > cap) {
            spend(vm, "used more than %.1f MiB of memory", (double)vm->memory_bytes / (1024 * 1024));
            return NULL;
        }
        vm->work += size;
        if (vm->work >= VM_UNITS_PER_LOOK)
            look(vm);
    }
    void *made = blocks_resize(&vm->blocks, old, old_size, size);
    if (made || size == 0)
        vm->used_bytes += size - old_size;
    return made;
}

/* Runs where the error is raised: makes it a text that starts with the place in a policy. */
static int message_handler(lua_State *L) {
    char where[128];
    const char *message = lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : NULL;
    if (message && strncmp(message, VM_PRELUDE ":", sizeof(VM_PRELUDE)) == 0) {
        const char *end = strstr(message, ": ");
        message = end ? end + 2 : message;
    }
    if (message && has_place(message)) {
        lua_settop(L, 1);
        return 1;
    }
    vm_where(L, where, sizeof(where));
    if (message)
        lua_pushfstring(L, "%s%s", where, message);
    else
        lua_pushfstring(L, "%sthe error is no text but a %s", where, luaL_typename(L, 1));
    return 1;
}

static int trampoline(lua_State *L) {
    struct vm *vm = vm_of(L);
    vm->work_now(L, vm->context);
    return 0;
}

enum { SLOT_HANDLER = 1, SLOT_TRAMPOLINE, SLOTS = SLOT_TRAMPOLINE };

bool vm_open(struct vm *vm, size_t memory_bytes) {
    *vm = (struct vm){.memory_bytes = memory_bytes, .block_bytes = memory_bytes, .deadline_ns = INT64_MAX};
    lua_State *L = lua_newstate(allocate, vm);
    if (!L)
        return false;
    vm->L = L;
    /* Compiled traces ignore hooks, and policies are too short to gain from them. */
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    lua_sethook(L, hook, LUA_MASKCOUNT, INSTRUCTIONS_PER_LOOK);
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, VM_LOADED);
    /* They stay on the stack, so that a call makes no closure outside of its protection. */
    lua_pushcfunction(L, message_handler);
    lua_pushcfunction(L, trampoline);
    return true;
}

void vm_close(struct vm *vm) {
    if (vm->L)
        lua_close(vm->L);
    blocks_free(&vm->blocks);
    vm->L = NULL;
}

/* The collector may allocate (it resizes the string table), and here nothing catches an error. */
static void collect(struct vm *vm) {
    size_t memory_bytes = vm->memory_bytes, block_bytes = vm->block_bytes;
    vm->memory_bytes = vm->block_bytes = SIZE_MAX / 2;
    lua_gc(vm->L, LUA_GCCOLLECT, 0);
    vm->memory_bytes = memory_bytes;
    vm->block_bytes = block_bytes;
}

/* A collection walks all that lives, so it should be rare; but what a call may use is the rest of the budget. */
void vm_settle(struct vm *vm) {
    collect(vm);
    vm->settled_bytes = vm->used_bytes;
    size_t percent = vm->memory_bytes / 2 * 100 / (vm->used_bytes + 1);
    percent = percent < PAUSE_PERCENT_MIN   ? PAUSE_PERCENT_MIN
              : percent > PAUSE_PERCENT_MAX ? PAUSE_PERCENT_MAX
                                            : percent;
    lua_gc(vm->L, LUA_GCSETPAUSE, (int)percent);
}

bool vm_is_full(const struct vm *vm) {
    return vm->is_full;
}

static void recover(struct vm *vm) {
    collect(vm);
    vm->is_full = vm->settled_bytes && vm->used_bytes > vm->settled_bytes + (vm->memory_bytes - vm->settled_bytes) / 2;
    vm->spent = false;
    lua_sethook(vm->L, hook, LUA_MASKCOUNT, INSTRUCTIONS_PER_LOOK);
}

void vm_call_within(lua_State *L, int arguments, int results, const struct vm_budget *budget) {
    struct vm *vm = vm_of(L);
    int64_t outer_ns = vm->budget_ns, deadline_ns = vm->deadline_ns, started_ns = clock_monotonic_ns();
    size_t block_bytes = vm->block_bytes;
    int looks = vm->looks, handler = lua_gettop(L) - arguments;
    vm->budget_ns = budget->time_ms * 1000000;
    vm->deadline_ns = started_ns + vm->budget_ns;
    vm->block_bytes = budget->block_bytes;
    vm->looks = 0;
    lua_pushcfunction(L, message_handler);
    lua_insert(L, handler);
    int status = lua_pcall(L, arguments, results, handler);
    vm->budget_ns = outer_ns;
    vm->deadline_ns = deadline_ns + clock_monotonic_ns() - started_ns;
    vm->block_bytes = block_bytes;
    vm->looks = looks;
    lua_remove(L, handler);
    if (status != 0)
        lua_error(L);
}

bool vm_run(struct vm *vm, const struct vm_budget *budget, void (*work)(lua_State *L, void *context), void *context) {
    lua_State *L = vm->L;
    vm->work_now = work;
    vm->context = context;
    vm->budget_ns = budget->time_ms * 1000000;
    int64_t started_ns = clock_monotonic_ns();
    vm->deadline_ns = started_ns + vm->budget_ns;
    vm->block_bytes = budget->block_bytes;
    vm->work = 0;
    vm->looks = 0;
    lua_pushvalue(L, SLOT_TRAMPOLINE);
    int status = lua_pcall(L, 0, 0, SLOT_HANDLER);
    if (status != 0 && !vm->spent) {
        const char *message = lua_tostring(L, -1);
        snprintf(vm->message, sizeof(vm->message), "%s", message ? message : "unknown error");
    }
    lua_settop(L, SLOTS);
    vm->deadline_ns = INT64_MAX;
    vm->took_ns = clock_monotonic_ns() - started_ns;
    bool held = status == 0 && !vm->spent;
    vm->was_spent = vm->spent;
    if (vm->spent)
        recover(vm);
    return held;
}
