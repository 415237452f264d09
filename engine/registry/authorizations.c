#include "registry/authorizations.h"

#include "base/clock.h"
#include "registry/audit.h"

enum error authorization_list(struct request *request, const struct user *user, int64_t page, int64_t limit,
                              struct rows **rows, int64_t *total) {
    struct batch batch = batch_in(request->arena);
    struct db_value id = db_text(user->user_id);
    *rows = batch_add(&batch, STATEMENT_authorization_list, id, db_int(limit), db_int(page * limit));
    struct rows *count = batch_add(&batch, STATEMENT_authorization_count, id);
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    *total = row_int(count, 0, "total");
    return ERROR_NONE;
}

void authorization_count(struct batch *batch, struct db_value user_id, struct db_value app_id) {
    batch_add(batch, STATEMENT_app_count_user, app_id, user_id);
    batch_add(batch, STATEMENT_authorization_counted, user_id, app_id);
}

/* Raises the authorization's version: every grant made under the old one is dead by its joins, and its tokens are gone
 * from every cache when this answers. */
enum error authorization_revoke(struct request *request, const struct user *user, struct slice app_id) {
    struct db_value id = db_text(user->user_id), app = db_text(app_id), now = db_int(clock_now_s());
    struct db *db = request->service->db;
    struct batch batch = batch_in(request->arena);
    batch_add(&batch, STATEMENT_authorization_lock, id, app);
    audit_add(&batch, request,
              &(struct audit_change){.kind = AUDIT_REVOCATION,
                                     .proof = AUDIT_PROOF_AUTHORIZATION,
                                     .id = user->user_id,
                                     .of = app_id,
                                     .user = user,
                                     .app_id = app_id,
                                     .detail = SLICE("authorization")});
    struct rows *revoked = batch_add(&batch, STATEMENT_authorization_revoke, id, app, now);
    authorization_count(&batch, id, app);
    struct rows *tokens = batch_add(&batch, STATEMENT_authorization_access_tokens, id, app, now);
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    for (size_t i = 0; i < tokens->count; i++)
        db_forget(db, STATEMENT_access_token_find, row_text(tokens, i, "token_id"));
    if (!batch_did(&batch, revoked))
        return fail(request, ERROR_NOT_FOUND, "You have not allowed this app anything.");
    return ERROR_NONE;
}
