/* moonlatch migrate: opening the store has done it. */
#include "cli/command.h"

enum error command_migrate(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    *result = value_map(arena);
    value_set_int(arena, *result, "schema_version", store_schema_version(workplace->store));
    return ERROR_NONE;
}
