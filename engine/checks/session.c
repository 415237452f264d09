#include "checks/session.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "checks/quotas.h"
#include "crypto/token.h"
#include "registry/audit.h"
#include "registry/logout.h"

enum { SEEN_EVERY_S = 300, USER_AGENT_MAX = 256 };

/* As much of it as is worth keeping; what is no printable ASCII has no place in that header. */
static struct slice user_agent_of(struct request *request) {
    struct slice name = request->user_agent;
    if (!slice_is_set(name))
        return SLICE("");
    name.len = name.len < USER_AGENT_MAX ? name.len : USER_AGENT_MAX;
    char *text = arena_alloc(request->arena, name.len);
    for (size_t i = 0; i < name.len; i++)
        text[i] = name.at[i] < ' ' || name.at[i] > '~' ? '?' : name.at[i];
    return (struct slice){text, name.len};
}

static struct slice address_of(const struct request *request) {
    return slice_is_set(request->address) ? request->address : SLICE("");
}

/* Where and when it was last used; not at every request, and nothing waits for a store that cannot write. */
static void session_see(struct request *request, struct slice session_id, int64_t now_s) {
    struct batch batch = batch_in(request->arena);
    batch_add(&batch, STATEMENT_session_see, db_text(session_id), db_int(now_s), db_text(user_agent_of(request)),
              db_text(address_of(request)));
    if (db_run(request->service->db, &batch))
        db_forget(request->service->db, STATEMENT_session_find, session_id);
}

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
        .browser_id = row_text(rows, 0, "browser_id"),
        .user = user_from(rows, 0, "created_at"),
    };
    session->user.sign_in = sign_in_from(rows, 0);
    request->about.user_id = session->user.user_id;
    request->about.username = session->user.username;
    int64_t now_s = clock_now_s();
    if (row_int(rows, 0, "seen_at") + SEEN_EVERY_S < now_s)
        session_see(request, session->session_id, now_s);
    return ERROR_NONE;
}

enum error session_from_cookie(struct request *request, struct session *session) {
    struct slice token = cookie_get(request->cookie, SESSION_COOKIE);
    if (!slice_is_set(token))
        return ERROR_UNAUTHENTICATED;
    return session_from_token(request, token, session);
}

/* That of the session of the same user which the request brings, or the new session's own. */
static enum error browser_read(struct request *request, const struct user *user, struct slice session_id,
                               struct slice *browser_id) {
    struct session before;
    enum error error = session_from_cookie(request, &before);
    bool is_same = !error && slice_equal(before.user.user_id, user->user_id);
    *browser_id = is_same ? before.browser_id : session_id;
    return error == ERROR_UNAUTHENTICATED ? ERROR_NONE : error;
}

/* Those that are too many, and good for nothing any more: their apps hear of it. */
static void sessions_end_over(struct request *request, const struct user *user, const struct rows *over) {
    for (size_t i = 0; i < over->count; i++) {
        struct slice session_id = row_text(over, i, "session_id");
        db_forget(request->service->db, STATEMENT_session_find, session_id); /* also when the rest fails */
        session_end(request, user, session_id);
    }
}

enum error session_begin(struct request *request, const struct session_start *start, struct session *session,
                         struct slice *cookie) {
    struct slice browser_id;
    struct quotas quotas;
    enum error error = quotas_of(request, start->user, &quotas);
    if (error)
        return error;
    struct token token;
    token_mint(request->service->keyring, TOKEN_SESSION, &token);
    struct slice id = arena_copy(request->arena, slice_of(token.id));
    request_works(request, id);
    *cookie = arena_copy(request->arena, slice_of(token.text));
    secret_wipe(token.text, sizeof(token.text));
    if ((error = browser_read(request, start->user, id, &browser_id)))
        return error;
    const struct sign_in *sign_in = &start->user->sign_in;
    struct db_value expires_at = db_int(sign_in->at + request->service->settings->session_s);
    struct db_value user_agent = db_text(user_agent_of(request));
    struct db_value address = db_text(address_of(request)), browser = db_text(browser_id);

    struct batch batch = batch_in(request->arena);
    batch_add(&batch, STATEMENT_user_lock, db_text(start->user->user_id));
    if (slice_is_set(start->spent_id))
        batch_add(&batch, STATEMENT_spend, db_text(start->spent_id), db_text(id), db_int(start->spent_expires_at_s));
    struct rows *made =
        batch_add(&batch, STATEMENT_session_insert, db_text(id), db_text(start->user->user_id),
                  db_blob(token.hash, sizeof(token.hash)), db_int(sign_in->at), db_text(sign_in->method), expires_at,
                  user_agent, address, browser, db_text(slice_is_set(start->spent_id) ? start->spent_id : SLICE("")),
                  db_blob(start->credential.at, start->credential.len));
    audit_add(&batch, request,
              &(struct audit_change){.kind = AUDIT_SIGN_IN,
                                     .proof = AUDIT_PROOF_SESSION,
                                     .id = id,
                                     .user = start->user,
                                     .detail = sign_in->method});
    struct rows *over = batch_add(&batch, STATEMENT_sessions_over, db_text(start->user->user_id), db_int(sign_in->at),
                                  db_int(quotas.sessions - 1), db_text(id));
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (made->count == 0)
        return fail(request, ERROR_INVALID_REQUEST, "This was used already, or has been replaced. Sign in again.");
    *session = (struct session){
        .session_id = id,
        .browser_id = browser_id,
        .user = *start->user,
    };
    metric_add(METRIC_sign_ins, 1);
    sessions_end_over(request, start->user, over);
    return ERROR_NONE;
}
