/* moonlatch key create | list | revoke */
#include "cli/command.h"

#include "base/clock.h"
#include "crypto/token.h"
#include "registry/users.h"

enum error command_key_create(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    struct user user;
    enum error error = user_find(&workplace->request, slice_of(workplace->line->options.arguments[0]), &user);
    if (error)
        return error;
    struct token key;
    token_mint(workplace->keyring, TOKEN_API_KEY, &key);
    struct batch batch = batch_in(arena);
    batch_add(&batch, STATEMENT_api_key_insert, db_text(slice_of(key.id)), db_text(user.user_id),
              db_blob(key.hash, sizeof(key.hash)), db_int(clock_now_s()));
    if (!db_run(workplace->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    *result = value_map(arena);
    value_set_text(arena, *result, "key_id", arena_copy(arena, slice_of(key.id)));
    value_set_text(arena, *result, "api_key", arena_copy(arena, slice_of(key.text)));
    secret_wipe(&key, sizeof(key));
    return ERROR_NONE;
}

enum error command_key_list(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    struct user user;
    enum error error = user_find(&workplace->request, slice_of(workplace->line->options.arguments[0]), &user);
    if (error)
        return error;
    struct batch batch = batch_in(arena);
    struct rows *rows = batch_add(&batch, STATEMENT_api_key_list, db_text(user.user_id));
    if (!db_run(workplace->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    *result = value_list(arena);
    for (size_t i = 0; i < rows->count; i++) {
        struct value *key = value_map(arena);
        value_set_text(arena, key, "key_id", row_text(rows, i, "key_id"));
        value_set_text(arena, key, "created_at", clock_rfc3339(arena, row_int(rows, i, "created_at")));
        value_append(*result, key);
    }
    return ERROR_NONE;
}

enum error command_key_revoke(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    struct slice key_id = slice_of(workplace->line->options.arguments[0]);
    struct batch batch = batch_in(arena);
    struct rows *rows = batch_add(&batch, STATEMENT_api_key_delete, db_text(key_id));
    if (!db_run(workplace->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (rows->count == 0)
        return fail(&workplace->request, ERROR_NOT_FOUND, "There is no API key %.*s.", SLICE_ARG(key_id));
    *result = value_map(arena);
    value_set_text(arena, *result, "key_id", key_id);
    value_set_bool(arena, *result, "revoked", true);
    return ERROR_NONE;
}
