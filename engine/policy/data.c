#include "policy/data.h"

#include "fiber/fiber.h"
#include "policy/chunk.h"
#include "policy/convert.h"
#include "policy/vm.h"

enum { MEMORY_BYTES = 4 * 1024 * 1024, BLOCK_BYTES = 1024 * 1024, TIME_MS = 200 };

struct reading {
    struct arena *arena;
    struct slice text, label, error;
    struct value *value;
};

static void load(lua_State *L, void *context) {
    struct reading *reading = context;
    struct arena *arena = reading->arena;
    const char *chunk = arena_printf(arena, "@%.*s", SLICE_ARG(reading->label)).at;
    chunk_load(L, reading->text, chunk);
    lua_newtable(L);
    lua_setfenv(L, -2);
    lua_call(L, 0, 1);
    reading->value = convert_read(L, lua_gettop(L), arena, &reading->error);
}

/* On the loop's stack. */
static void run(void *context) {
    struct reading *reading = context;
    const struct vm_budget budget = {.time_ms = TIME_MS, .block_bytes = BLOCK_BYTES};
    struct vm *vm = arena_alloc(reading->arena, sizeof(*vm)); /* too large for a frame */
    if (!vm_open(vm, MEMORY_BYTES)) {
        reading->error = SLICE("no memory for a Lua state");
        return;
    }
    if (!vm_run(vm, &budget, load, reading))
        reading->error = arena_copy(reading->arena, slice_of(vm->message));
    vm_close(vm);
}

struct value *policy_data_read(struct arena *arena, struct slice text, struct slice label, struct slice *error) {
    struct reading reading = {.arena = arena, .text = text, .label = label};
    fiber_hop(run, &reading);
    if (reading.error.len) {
        bool has_place = strstr(arena_string(arena, reading.error), ".lua:") != NULL;
        *error =
            has_place ? reading.error : arena_printf(arena, "%.*s:1: %.*s", SLICE_ARG(label), SLICE_ARG(reading.error));
        return NULL;
    }
    return reading.value;
}
