#include "registry/logout.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "crypto/random.h"
#include "registry/audit.h"
#include "registry/logout_delivery.h"

/* For the statements that queue: an id, now, and the end of trying. */
struct queueing {
    struct db_value id, now, expires_at;
};

static struct queueing queueing_in(struct arena *arena) {
    char id[KEY_ID_LEN + 1];
    key_id_mint(id);
    int64_t now_s = clock_now_s();
    return (struct queueing){db_text(arena_copy(arena, slice_of(id))), db_int(now_s), db_int(now_s + LOGOUT_TRIED_S)};
}

/* After the commit, before the answer. */
static void ended(struct request *request, const struct batch *batch, const struct rows *sessions,
                  const struct rows *queued) {
    for (size_t i = 0; i < sessions->count; i++)
        db_forget(request->service->db, STATEMENT_session_find, row_text(sessions, i, "session_id"));
    metric_add(METRIC_logout_deliveries, (int64_t)queued->count);
    if (batch_did(batch, queued))
        logout_deliveries_wake(request->service);
}

enum error session_end(struct request *request, const struct user *user, struct slice session_id) {
    struct queueing queueing = queueing_in(request->arena);
    struct db_value session = db_text(session_id);
    struct batch batch = batch_in(request->arena);
    audit_add(
        &batch, request,
        &(struct audit_change){.kind = AUDIT_SIGN_OUT, .proof = AUDIT_PROOF_SESSION, .id = session_id, .user = user});
    struct rows *sessions = batch_add(&batch, STATEMENT_session_end, session);
    struct rows *queued =
        batch_add(&batch, STATEMENT_logout_queue, session, queueing.id, queueing.now, queueing.expires_at);
    batch_add(&batch, STATEMENT_session_apps_forget, session);
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    db_forget(request->service->db, STATEMENT_session_find, session_id); /* whoever deleted the row */
    ended(request, &batch, sessions, queued);
    return ERROR_NONE;
}

static struct rows *queue_all_add(struct batch *batch, struct slice user_id) {
    struct queueing queueing = queueing_in(batch->arena);
    struct db_value user = db_text(user_id);
    struct rows *queued =
        batch_add(batch, STATEMENT_logout_queue_all, user, queueing.id, queueing.now, queueing.expires_at);
    batch_add(batch, STATEMENT_session_apps_forget_all, user);
    return queued;
}

void logout_queue_user(struct batch *batch, struct slice user_id) {
    queue_all_add(batch, user_id);
}

enum error sessions_end(struct request *request, const struct user *user, struct slice why, int64_t *ended_count) {
    struct batch batch = batch_in(request->arena);
    audit_add(
        &batch, request,
        &(struct audit_change){
            .kind = AUDIT_SIGN_OUT, .proof = AUDIT_PROOF_SESSIONS, .id = user->user_id, .user = user, .detail = why});
    struct rows *sessions = batch_add(&batch, STATEMENT_sessions_end, db_text(user->user_id));
    struct rows *queued = queue_all_add(&batch, user->user_id);
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (sessions->count == 0) /* a request that got no answer may have deleted them: whose ids are they? */
        db_forget_all(request->service->db);
    *ended_count = 0; /* without those that had expired and were not swept yet */
    for (size_t i = 0; i < sessions->count; i++)
        *ended_count += row_int(sessions, i, "expires_at") > clock_now_s();
    ended(request, &batch, sessions, queued);
    return ERROR_NONE;
}
