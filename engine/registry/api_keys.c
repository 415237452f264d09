#include "registry/api_keys.h"

#include "base/clock.h"
#include "base/name.h"
#include "base/utf8.h"
#include "crypto/token.h"
#include "registry/audit.h"

enum error api_key_create(struct request *request, const struct user *user, struct slice name, int64_t max,
                          struct slice *key_id, struct slice *api_key) {
    if (utf8_count(name) > API_KEY_NAME_MAX)
        return fail(request, ERROR_BAD_REQUEST, "The name of a key has at most %d characters.", API_KEY_NAME_MAX);
    if (!label_is_valid(name))
        return fail(request, ERROR_BAD_REQUEST, "The name of a key has characters that cannot be seen.");
    struct token key;
    token_mint(request->service->keyring, TOKEN_API_KEY, &key);
    struct batch batch = batch_in(request->arena);
    struct rows *held = batch_add(&batch, STATEMENT_user_lock, db_text(user->user_id));
    struct rows *made = batch_add(&batch, STATEMENT_api_key_insert, db_text(slice_of(key.id)), db_text(user->user_id),
                                  db_blob(key.hash, sizeof(key.hash)), db_int(clock_now_s()),
                                  db_text(slice_is_set(name) ? name : SLICE("")), db_int(max));
    *key_id = arena_copy(request->arena, slice_of(key.id));
    audit_add(&batch, request,
              &(struct audit_change){
                  .kind = AUDIT_ACCOUNT,
                  .proof = AUDIT_PROOF_API_KEY,
                  .id = *key_id,
                  .of = user->user_id,
                  .user = user,
                  .detail = arena_printf(request->arena, "API key made: %.*s", SLICE_ARG(*key_id)),
              });
    bool is_run = audit_run(request, &batch);
    if (is_run && made->count)
        *api_key = arena_copy(request->arena, slice_of(key.text));
    secret_wipe(&key, sizeof(key));
    if (!is_run)
        return ERROR_STORE_UNAVAILABLE;
    if (held->count == 0)
        return fail(request, ERROR_NOT_FOUND, "There is no such user.");
    if (made->count == 0)
        return fail(request, ERROR_CONFLICT, "You may have %lld API keys, and have them. Revoke one.", (long long)max);
    return ERROR_NONE;
}

enum error api_key_list(struct request *request, const struct user *user, struct value **keys) {
    struct arena *arena = request->arena;
    struct batch batch = batch_in(arena);
    struct rows *rows = batch_add(&batch, STATEMENT_api_key_list, db_text(user->user_id));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    *keys = value_list(arena);
    for (size_t i = 0; i < rows->count; i++) {
        struct value *key = value_map(arena);
        value_set_text(arena, key, "key_id", row_text(rows, i, "key_id"));
        value_set_text(arena, key, "name", row_text(rows, i, "name"));
        value_set_text(arena, key, "created_at", clock_rfc3339(arena, row_int(rows, i, "created_at")));
        value_append(*keys, key);
    }
    return ERROR_NONE;
}

enum error api_key_revoke(struct request *request, const struct user *user, struct slice key_id) {
    struct batch batch = batch_in(request->arena);
    struct slice owner = user ? user->user_id : SLICE("");
    audit_add(&batch, request,
              &(struct audit_change){
                  .kind = AUDIT_ACCOUNT,
                  .proof = AUDIT_PROOF_API_KEY,
                  .id = key_id,
                  .of = owner,
                  .user = user,
                  .detail = arena_printf(request->arena, "API key revoked: %.*s", SLICE_ARG(key_id)),
              });
    struct rows *gone = batch_add(&batch, STATEMENT_api_key_delete, db_text(key_id), db_text(owner));
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    db_forget(request->service->db, STATEMENT_api_key_find, key_id);
    if (!batch_did(&batch, gone))
        return fail(request, ERROR_NOT_FOUND, "There is no API key %.*s.", SLICE_ARG(key_id));
    return ERROR_NONE;
}
