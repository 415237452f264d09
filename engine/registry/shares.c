#include "registry/shares.h"

#include "base/clock.h"
#include "registry/audit.h"

enum { SHARES_MAX = 1000 }; /* of one app: the list has no pages */

enum error share_create(struct request *request, const struct app *app, const struct user *by,
                        const struct user *with) {
    if (slice_equal(app->user_id, with->user_id))
        return fail(request, ERROR_BAD_REQUEST, "The app is theirs already.");
    struct db_value id = db_text(app->app_id), user = db_text(with->user_id);
    struct slice audit_id = audit_id_mint(request);
    struct batch batch = batch_in(request->arena);
    struct rows *with_whom = batch_add(&batch, STATEMENT_user_lock, user);
    struct rows *held = batch_add(&batch, STATEMENT_app_lock, id);
    struct rows *before = batch_add(&batch, STATEMENT_app_share_find, id, user);
    struct rows *made = batch_add(&batch, STATEMENT_app_share_insert, id, db_text(app->user_id), user,
                                  db_int(clock_now_s()), db_int(SHARES_MAX), db_text(audit_id));
    audit_add(&batch, request,
              &(struct audit_change){
                  .kind = AUDIT_APP,
                  .proof = AUDIT_PROOF_SHARE_MADE,
                  .id = app->app_id,
                  .of = with->user_id,
                  .user = by,
                  .app_id = app->app_id,
                  .detail = arena_printf(request->arena, "shared with %.*s", SLICE_ARG(with->username)),
                  .audit_id = audit_id,
              });
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (made->count || (before->count && batch.is_repeated))
        return ERROR_NONE;
    if (held->count == 0)
        return fail(request, ERROR_NOT_FOUND, "There is no such app.");
    if (with_whom->count == 0)
        return fail(request, ERROR_NOT_FOUND, "There is no such user.");
    return before->count ? fail(request, ERROR_CONFLICT, "The app is shared with this user already.")
                         : fail(request, ERROR_BAD_REQUEST, "An app can be shared with at most %d users.", SHARES_MAX);
}

enum error share_delete(struct request *request, const struct app *app, const struct user *by, struct slice user_id) {
    struct batch batch = batch_in(request->arena);
    audit_add(&batch, request,
              &(struct audit_change){
                  .kind = AUDIT_APP,
                  .proof = AUDIT_PROOF_SHARE,
                  .id = app->app_id,
                  .of = user_id,
                  .user = by,
                  .app_id = app->app_id,
                  .detail = arena_printf(request->arena, "no longer shared with %.*s", SLICE_ARG(user_id)),
              });
    struct rows *gone =
        batch_add(&batch, STATEMENT_app_share_delete, db_text(app->app_id), db_text(app->user_id), db_text(user_id));
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    return batch_did(&batch, gone) ? ERROR_NONE
                                   : fail(request, ERROR_NOT_FOUND, "The app is not shared with this user.");
}

enum error share_list(struct request *request, const struct app *app, struct value **shares) {
    struct arena *arena = request->arena;
    struct batch batch = batch_in(arena);
    struct rows *rows = batch_add(&batch, STATEMENT_app_share_list, db_text(app->app_id));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    *shares = value_list(arena);
    for (size_t i = 0; i < rows->count; i++) {
        struct value *share = value_map(arena);
        value_set_text(arena, share, "user_id", row_text(rows, i, "user_id"));
        value_set_text(arena, share, "username", row_text(rows, i, "username"));
        value_set_text(arena, share, "shared_at", clock_rfc3339(arena, row_int(rows, i, "shared_at")));
        value_append(*shares, share);
    }
    return ERROR_NONE;
}
