/* moonlatch user … */
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

void add_signed_out(struct arena *arena, struct value *result, const struct user_signed_out *ended) {
    if (!ended->is_done)
        return;
    value_set_int(arena, result, "sessions_ended", ended->sessions);
    value_set_int(arena, result, "apps_signed_out", ended->apps);
    value_set_int(arena, result, "api_keys_left", ended->api_keys);
    value_set_int(arena, result, "passkeys_left", ended->passkeys);
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

/* The user that the first argument names. */
static enum error named(struct workplace *workplace, struct user *user) {
    return user_find_by_id_or_name(&workplace->request, slice_of(workplace->line->options.arguments[0]), user);
}

enum error command_user_show(struct workplace *workplace, struct value **result) {
    struct user user;
    enum error error = named(workplace, &user);
    if (!error)
        *result = user_value(workplace->line->arena, &user);
    return error;
}

enum error command_user_change(struct workplace *workplace, struct value **result) {
    const struct options *options = &workplace->line->options;
    struct user user, before;
    struct user_signed_out ended = {0};
    enum error error = named(workplace, &user);
    if (error)
        return error;
    before = user;
    const char *hotkey = option_get(options, "hotkey");
    bool clears_roles = option_is_set(options, "no-roles"), sets_roles = option_is_set(options, "role");
    if (hotkey)
        user.hotkey = *hotkey ? slice_of(hotkey) : SLICE_NONE;
    if (clears_roles || sets_roles)
        user.roles = clears_roles ? SLICE("") : options_join(workplace->line->arena, options, "role");
    unsigned columns = (hotkey ? USER_HOTKEY : 0u) | (clears_roles || sets_roles ? USER_ROLES : 0u);
    if (columns && (error = user_change(&workplace->request, &before, &user, columns, &ended)))
        return error;
    *result = user_value(workplace->line->arena, &user);
    add_signed_out(workplace->line->arena, *result, &ended);
    return ERROR_NONE;
}

enum error command_user_fingerprint(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    struct user user;
    struct slice fingerprint;
    struct user_signed_out ended;
    enum error error = named(workplace, &user);
    if (error || (error = user_renew_fingerprint(&workplace->request, &user, &fingerprint, &ended)))
        return error;
    *result = value_map(arena);
    value_set_text(arena, *result, "user_id", user.user_id);
    value_set_text(arena, *result, "username", user.username);
    value_set_text(arena, *result, "fingerprint", fingerprint);
    add_signed_out(arena, *result, &ended);
    return ERROR_NONE;
}

enum error command_user_delete(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    struct user user;
    enum error error = named(workplace, &user);
    if (error || (error = user_delete(&workplace->request, &user)))
        return error;
    *result = value_map(arena);
    value_set_text(arena, *result, "user_id", user.user_id);
    value_set_bool(arena, *result, "deleted", true);
    return ERROR_NONE;
}
