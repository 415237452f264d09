/* moonlatch user create | list | delete */
#include "cli/command.h"

#include "base/clock.h"
#include "registry/users.h"

static struct value *user_value(struct arena *arena, const struct user *user) {
    struct value *value = value_map(arena);
    value_set_text(arena, value, "user_id", user->user_id);
    value_set_text(arena, value, "username", user->username);
    value_set_text(arena, value, "hotkey", user->hotkey);
    value_set_value(value, "roles", names_split(arena, user->roles));
    value_set_text(arena, value, "created_at", clock_rfc3339(arena, user->created_at));
    return value;
}

enum error command_user_create(struct workplace *workplace, struct value **result) {
    struct command_line *line = workplace->line;
    struct user user = {
        .username = slice_of(line->options.arguments[0]),
        .hotkey = slice_of(option_get(&line->options, "hotkey")),
        .roles = options_join(line->arena, &line->options, "role"),
    };
    struct slice fingerprint;
    enum error error = user_store(&workplace->request, &user, &fingerprint);
    if (error)
        return error;
    *result = value_map(line->arena);
    value_set_text(line->arena, *result, "user_id", user.user_id);
    value_set_text(line->arena, *result, "username", user.username);
    value_set_text(line->arena, *result, "fingerprint", fingerprint);
    return ERROR_NONE;
}

enum error command_user_list(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    struct batch batch = batch_in(arena);
    struct rows *rows = batch_add_values(&batch, STATEMENT_user_list, NULL, 0);
    if (!db_run(workplace->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    *result = value_list(arena);
    for (size_t i = 0; i < rows->count; i++) {
        struct user user = user_from(rows, i, "created_at");
        value_append(*result, user_value(arena, &user));
    }
    return ERROR_NONE;
}

enum error command_user_delete(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    struct request *request = &workplace->request;
    struct user user;
    enum error error = user_find(request, slice_of(workplace->line->options.arguments[0]), &user);
    if (error || (error = user_delete(request, &user)))
        return error;
    *result = value_map(arena);
    value_set_text(arena, *result, "user_id", user.user_id);
    value_set_bool(arena, *result, "deleted", true);
    return ERROR_NONE;
}
