#include "registry/passkeys.h"

#include "base/clock.h"
#include "base/name.h"
#include "base/utf8.h"
#include "registry/audit.h"

enum error passkey_add(struct request *request, const struct user *user, const struct passkey *passkey, int64_t max) {
    if (utf8_count(passkey->name) > PASSKEY_NAME_MAX)
        return fail(request, ERROR_BAD_REQUEST, "The name of a passkey has at most %d characters.", PASSKEY_NAME_MAX);
    if (!label_is_valid(passkey->name))
        return fail(request, ERROR_BAD_REQUEST, "The name of a passkey has characters that cannot be seen.");
    struct slice work_id = request_works_by_id(request);
    struct batch batch = batch_in(request->arena);
    struct rows *held = batch_add(&batch, STATEMENT_user_lock, db_text(user->user_id));
    struct rows *made = batch_add(&batch, STATEMENT_passkey_insert, db_text(passkey->passkey_id),
                                  db_text(user->user_id), db_text(passkey->name),
                                  db_blob(passkey->public_key.at, passkey->public_key.len), db_int(passkey->sign_count),
                                  db_int(clock_now_s()), db_int(max), db_text(work_id), db_bool(passkey->is_synced));
    audit_add(&batch, request,
              &(struct audit_change){.kind = AUDIT_ACCOUNT,
                                     .proof = AUDIT_PROOF_PASSKEY_MADE,
                                     .id = passkey->passkey_id,
                                     .of = work_id,
                                     .user = user,
                                     .detail = SLICE("passkey added")});
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (held->count == 0)
        return fail(request, ERROR_NOT_FOUND, "There is no such user.");
    if (made->count == 0)
        return fail(request, ERROR_CONFLICT, "This passkey is known already, or you have as many as you may: %lld.",
                    (long long)max);
    return ERROR_NONE;
}

enum error passkey_list(struct request *request, const struct user *user, struct value **passkeys) {
    struct arena *arena = request->arena;
    struct batch batch = batch_in(arena);
    struct rows *rows = batch_add(&batch, STATEMENT_passkey_list, db_text(user->user_id));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    *passkeys = value_list(arena);
    for (size_t i = 0; i < rows->count; i++) {
        struct value *passkey = value_map(arena);
        int64_t used_at_s = row_int(rows, i, "used_at");
        value_set_text(arena, passkey, "passkey_id", row_text(rows, i, "passkey_id"));
        value_set_text(arena, passkey, "name", row_text(rows, i, "name"));
        value_set_text(arena, passkey, "created_at", clock_rfc3339(arena, row_int(rows, i, "created_at")));
        value_set_text(arena, passkey, "used_at", used_at_s ? clock_rfc3339(arena, used_at_s) : SLICE_NONE);
        value_append(*passkeys, passkey);
    }
    return ERROR_NONE;
}

enum error passkey_remove(struct request *request, const struct user *user, struct slice passkey_id) {
    struct batch batch = batch_in(request->arena);
    audit_add(&batch, request,
              &(struct audit_change){.kind = AUDIT_ACCOUNT,
                                     .proof = AUDIT_PROOF_PASSKEY,
                                     .id = passkey_id,
                                     .of = user->user_id,
                                     .user = user,
                                     .detail = SLICE("passkey removed")});
    struct rows *gone = batch_add(&batch, STATEMENT_passkey_delete, db_text(passkey_id), db_text(user->user_id));
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (!batch_did(&batch, gone))
        return fail(request, ERROR_NOT_FOUND, "There is no such passkey.");
    return ERROR_NONE;
}
