/* The audit log: who signed in, what was allowed, issued, refused and taken back, with the policies' decisions that led
 * to it and their facts. A row each in the table `audit` and, at info, a line in the log. It is what `policy explain`
 * shows and what `policy replay` runs again.
 *
 * What changes something has its record in the batch of the change, so that neither is without the other:
 *
 *     audit_add(&batch, request, &(struct audit_change){.kind = AUDIT_SIGN_IN, …, PROVEN(SESSION, session_id)});
 *     if (!audit_run(request, &batch)) return … ERROR_STORE_UNAVAILABLE …;
 *
 * A refusal changes nothing: it is written behind its answer and tried again until it is (registry/audit_queue.h). A
 * process that is killed loses the refusals of its last moment, and no record of what it has answered. */
#ifndef REGISTRY_AUDIT_H
#define REGISTRY_AUDIT_H

#include "registry/audit_queue.h"
#include "server/request.h"
#include "store/record.h"

/* Takes the decision that the policies have just made for this request (policy_last) along, with its facts. Call it
 * right behind the policy call. */
void audit_decision(struct request *request, const struct value *facts);

/* id, name in the log, in filters and in their documentation; "account": credentials (fingerprint, hotkey, passkeys,
 * API keys), the end of an account */
#define AUDIT_KINDS(X) \
    X(SIGN_IN, "sign_in") \
    X(SIGN_OUT, "sign_out") \
    X(CONSENT, "consent") \
    X(TOKEN, "token") \
    X(REVOCATION, "revocation") \
    X(REFUSAL, "refusal") \
    X(APP, "app") \
    X(ACCOUNT, "account")

enum audit_kind {
#define X(id, name) AUDIT_##id,
    AUDIT_KINDS(X)
#undef X
        AUDIT_KIND_COUNT
};
extern const char *const audit_kind_names[AUDIT_KIND_COUNT];

/* id, name in the statement. What must be there, when the batch comes to the record, for it to be written: behind the
 * statement that makes it, or before the one that ends it; then it is locked, so that of two who end it one has done
 * so. `id` and `of`:
 * - TOKEN: an access token that is not revoked; AUTHORIZATION: of the user, the app; GRANT
 * - API_KEY: of the user ("": anybody); SESSION; SESSIONS: any of the user; USER; PASSKEY: of the user
 * - APP: of the owner; APP_NAMED: with that name_key; SHARE: of the app, with the user
 * - PASSKEY_MADE: used_by this work; SHARE_MADE, FAMILY (a grant): made_by or revoked_by this record
 *   (audit_change.audit_id): where to be there says nothing */
#define AUDIT_PROOFS(X) \
    X(TOKEN, "token") \
    X(GRANT, "grant") \
    X(FAMILY, "family") \
    X(AUTHORIZATION, "authorization") \
    X(API_KEY, "api_key") \
    X(SESSION, "session") \
    X(SESSIONS, "sessions") \
    X(USER, "user") \
    X(PASSKEY, "passkey") \
    X(PASSKEY_MADE, "passkey_made") \
    X(APP, "app") \
    X(APP_NAMED, "app_named") \
    X(SHARE, "share") \
    X(SHARE_MADE, "share_made")

enum audit_proof {
    AUDIT_ISSUED, /* TOKEN, of an access token that this request has made: with a quicker statement */
#define X(id, name) AUDIT_PROOF_##id,
    AUDIT_PROOFS(X)
#undef X
        AUDIT_PROOF_COUNT
};

struct audit_change {
    enum audit_kind kind;
    enum audit_proof proof;
    struct slice id, of;     /* what is to prove it; `of` absent: needs none */
    const struct user *user; /* who did it, or whose account it is; NULL: nobody in particular */
    struct slice app_id, detail;
    struct slice audit_id; /* that the batch has written as made_by (audit_id_mint); absent: a new one */
};

struct slice audit_id_mint(struct request *request);
/* Adds the record to the batch that makes the change. The decisions so far go with it, as many as have room in 64 KiB,
 * and the last one always. A batch that does not make the change writes none. */
void audit_add(struct batch *batch, struct request *request, const struct audit_change *change);
/* Runs a batch with records (db_run); the log has a line for each that was written. */
bool audit_run(struct request *request, struct batch *batch);

/* Records a refusal; `user` and `app` may be NULL. Of the decisions of a stranger it has 8 KiB at most. Refusals have a
 * budget (registry/ceilings.h), so that nobody can drown the log: over it they are counted
 * (moonlatch_refusals_untold_total), and a line a second says how many. */
void audit_refusal(struct request *request, const struct user *user, const struct app *app, struct slice reason);
/* The refusal that the answer tells of (request->error), unless audit_refusal has recorded it: with its text and code,
 * what the log says beside it, the app, and the client_id and redirect_uri that were sent. So whatever number an error
 * shows can be looked up. */
void audit_refused(struct request *request);

#endif
