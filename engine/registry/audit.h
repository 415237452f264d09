/* The audit log: who signed in, what was allowed, issued, refused and taken back, with the policies' decisions that led
 * to it and their facts. A row each in the table `audit` and, at info, a line in the log. It is what `policy explain`
 * shows and what `policy replay` runs again.
 *
 * Rows are written behind the answer, many at a time, so that a sign-in does not wait for its own record; a process
 * that is killed loses the records of its last moment, never what they record. */
#ifndef REGISTRY_AUDIT_H
#define REGISTRY_AUDIT_H

#include "server/request.h"
#include "store/record.h"

/* A worker's records that are not written yet. */
struct audit;
struct audit *audit_open(struct db *db, int64_t keep_s);
void audit_close(struct audit *audit);
/* Starts to write what waits, unless that is under way. Loop stack. */
void audit_flush(struct audit *audit);
bool audit_is_empty(const struct audit *audit);

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

/* Records that it happened; `user` and `app` may be NULL, `detail` absent. The decisions so far go with it, as many as
 * have room in 64 KiB, and the last one always; those of a stranger only within 8 KiB. Refusals have a budget
 * (registry/ceilings.h), so that nobody can drown the log: over it they are counted (moonlatch_refusals_untold_total),
 * and a line a second says how many. */
void audit_event(struct request *request, enum audit_kind kind, const struct user *user, const struct app *app,
                 struct slice detail);
/* The same in the batch that does it, so that neither is without the other: for the command line, where nothing is
 * written behind an answer. */
void audit_add(struct batch *batch, const struct request *request, enum audit_kind kind, const struct user *user,
               const char *detail);

/* The refusal that the answer tells of (request->error), unless audit_event has recorded it: with its text and code,
 * what the log says beside it, the app, and the client_id and redirect_uri that were sent. So whatever number an error
 * shows can be looked up. */
void audit_refused(struct request *request);

#endif
