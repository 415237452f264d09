#include "checks/session.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "crypto/token.h"
#include "registry/audit.h"

enum error session_from_token(struct request *request, struct slice token, struct session *session) {
    struct token_claim claim;
    if (!token_parse(token, &claim) || claim.kind != TOKEN_SESSION)
        return ERROR_UNAUTHENTICATED;
    struct rows *rows = db_find(request->service->db, request->arena, STATEMENT_session_find, claim.id);
    if (!rows)
        return ERROR_STORE_UNAVAILABLE;
    if (rows->count == 0 ||
        !secret_matches(request->service->keyring, claim.secret, row_text(rows, 0, "secret_hash")) ||
        row_int(rows, 0, "expires_at") <= clock_now_s())
        return ERROR_UNAUTHENTICATED;
    *session = (struct session){
        .session_id = row_text(rows, 0, "session_id"),
        .user = user_from(rows, 0, "created_at"),
    };
    session->user.sign_in = sign_in_from(rows, 0);
    return ERROR_NONE;
}

enum error session_from_cookie(struct request *request, struct session *session) {
    struct slice token = cookie_get(request->cookie, SESSION_COOKIE);
    if (!slice_is_set(token))
        return ERROR_UNAUTHENTICATED;
    return session_from_token(request, token, session);
}

enum error session_begin(struct request *request, const struct session_start *start, struct session *session,
                         struct slice *cookie) {
    struct token token;
    token_mint(request->service->keyring, TOKEN_SESSION, &token);
    struct slice id = arena_copy(request->arena, slice_of(token.id));
    *cookie = arena_copy(request->arena, slice_of(token.text));
    const struct sign_in *sign_in = &start->user->sign_in;
    struct db_value expires_at = db_int(sign_in->at + request->service->settings->session_s);

    struct batch batch = batch_in(request->arena);
    struct rows *made;
    if (slice_is_set(start->spent_id)) {
        batch_add(&batch, STATEMENT_spend, db_text(start->spent_id), db_text(id), db_int(start->spent_expires_at_s));
        made = batch_add(&batch, STATEMENT_session_insert_if_spent, db_text(id), db_text(start->user->user_id),
                         db_blob(token.hash, sizeof(token.hash)), db_int(sign_in->at), db_text(sign_in->method),
                         expires_at, db_text(start->spent_id));
    } else {
        made = batch_add(&batch, STATEMENT_session_insert, db_text(id), db_text(start->user->user_id),
                         db_blob(token.hash, sizeof(token.hash)), db_int(sign_in->at), db_text(sign_in->method),
                         expires_at);
    }
    secret_wipe(token.text, sizeof(token.text));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (made->count == 0)
        return fail(request, ERROR_INVALID_REQUEST, "This nonce has been used already. Sign a fresh one.");
    *session = (struct session){
        .session_id = id,
        .user = *start->user,
    };
    metric_add(METRIC_sign_ins, 1);
    audit_event(request, AUDIT_SIGN_IN, start->user, NULL, sign_in->method);
    return ERROR_NONE;
}
