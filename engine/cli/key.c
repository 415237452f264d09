/* moonlatch key create | list | revoke */
#include "cli/command.h"

#include "registry/api_keys.h"
#include "registry/users.h"

enum error command_key_create(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    const char *name = option_get(&workplace->line->options, "name");
    struct user user;
    struct slice key_id, api_key;
    enum error error = user_find(&workplace->request, slice_of(workplace->line->options.arguments[0]), &user);
    if (error ||
        (error = api_key_create(&workplace->request, &user, slice_of(name ? name : ""), INT64_MAX, &key_id, &api_key)))
        return error;
    *result = value_map(arena);
    value_set_text(arena, *result, "key_id", key_id);
    value_set_text(arena, *result, "api_key", api_key);
    return ERROR_NONE;
}

enum error command_key_list(struct workplace *workplace, struct value **result) {
    struct user user;
    enum error error = user_find(&workplace->request, slice_of(workplace->line->options.arguments[0]), &user);
    return error ? error : api_key_list(&workplace->request, &user, result);
}

enum error command_key_revoke(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    struct slice key_id = slice_of(workplace->line->options.arguments[0]);
    enum error error = api_key_revoke(&workplace->request, NULL, key_id);
    if (error)
        return error;
    *result = value_map(arena);
    value_set_text(arena, *result, "key_id", key_id);
    value_set_bool(arena, *result, "revoked", true);
    return ERROR_NONE;
}
