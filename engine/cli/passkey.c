/* moonlatch passkey list | remove: for somebody who has lost one. */
#include "cli/command.h"

#include "registry/passkeys.h"
#include "registry/users.h"

enum error command_passkey_list(struct workplace *workplace, struct value **result) {
    struct user user;
    enum error error = user_find(&workplace->request, slice_of(workplace->line->options.arguments[0]), &user);
    return error ? error : passkey_list(&workplace->request, &user, result);
}

enum error command_passkey_remove(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    struct slice passkey_id = slice_of(workplace->line->options.arguments[0]);
    struct user_signed_out ended;
    enum error error = user_take_passkey(&workplace->request, passkey_id, &ended);
    if (error)
        return error;
    *result = value_map(arena);
    value_set_text(arena, *result, "passkey_id", passkey_id);
    value_set_bool(arena, *result, "removed", true);
    add_signed_out(arena, *result, &ended);
    return ERROR_NONE;
}
