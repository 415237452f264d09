#include "checks/sign_in.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "checks/attempts.h"
#include "crypto/nonce.h"
#include "crypto/secret.h"
#include "crypto/sr25519.h"
#include "policy/facts.h"
#include "registry/audit.h"

struct slice wallet_nonce(struct request *request) {
    char nonce[UUID_LEN + 1];
    nonce_mint(request->service->keyring, KEY_NONCE, clock_now_s() + request->service->settings->nonce_s, nonce);
    return arena_copy(request->arena, slice_of(nonce));
}

static enum error policy_check(struct request *request, const struct user *user) {
    struct value *facts = facts_of(request);
    facts_add_user(request->arena, facts, user);
    struct verdict verdict = policy_login(request->service->policy, request->arena, facts);
    audit_decision(request, facts);
    if (verdict.allowed)
        return ERROR_NONE;
    return fail(request, ERROR_FORBIDDEN, "%.*s", SLICE_ARG(verdict.reason));
}

/* `account`: whose it was said to be; `user`: who it would have been, if that is known. */
static enum error refuse(struct request *request, struct slice account, const struct user *user, enum error error) {
    metric_add(METRIC_sign_in_failures, 1);
    attempts_count(request, account);
    audit_event(request, AUDIT_REFUSAL, user, NULL, request->error_text);
    return error;
}

enum error wallet_sign_in(struct request *request, const struct wallet_proof *proof, struct session *session,
                          struct slice *cookie) {
    int64_t expires_at_s;
    enum error error = attempts_check(request, proof->hotkey);
    if (error)
        return error;
    if (!nonce_is_valid(request->service->keyring, KEY_NONCE, proof->nonce, clock_now_s(), &expires_at_s))
        return refuse(
            request, proof->hotkey, NULL,
            fail(request, ERROR_BAD_REQUEST, "The nonce has expired or is not one of ours. Sign a fresh one."));
    unsigned char key[SR25519_KEY_SIZE];
    switch (wallet_verify(proof->hotkey, proof->nonce, proof->signature, key)) {
    case WALLET_OK:
        break;
    case WALLET_BAD_HOTKEY:
        return refuse(request, proof->hotkey, NULL,
                      fail(request, ERROR_BAD_REQUEST, "The hotkey is not an SS58 address."));
    case WALLET_OTHER_SCHEME:
        return refuse(request, proof->hotkey, NULL,
                      fail(request, ERROR_BAD_REQUEST,
                           "This signature is not sr25519. Keys of other types cannot sign in here."));
    case WALLET_BAD_SIGNATURE:
        return refuse(request, proof->hotkey, NULL,
                      fail(request, ERROR_BAD_REQUEST, "The signature does not match this hotkey and nonce."));
    }

    struct batch batch = batch_in(request->arena);
    struct rows *found = batch_add(&batch, STATEMENT_user_by_hotkey, db_blob(key, sizeof(key)));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (found->count == 0)
        return refuse(request, proof->hotkey, NULL, fail(request, ERROR_NOT_FOUND, "No account has this hotkey."));
    struct user user = user_from(found, 0, "created_at");
    user.sign_in = (struct sign_in){SLICE("hotkey"), clock_now_s()};
    if ((error = policy_check(request, &user)))
        return refuse(request, proof->hotkey, &user, error);
    const struct session_start start = {
        .user = &user,
        .spent_id = arena_printf(request->arena, "nonce:%.*s", SLICE_ARG(proof->nonce)),
        .spent_expires_at_s = expires_at_s,
    };
    error = session_begin(request, &start, session, cookie);
    return error == ERROR_INVALID_REQUEST ? refuse(request, proof->hotkey, &user, error) : error;
}

enum error fingerprint_sign_in(struct request *request, struct slice fingerprint, struct session *session,
                               struct slice *cookie) {
    unsigned char hash[SECRET_HASH_SIZE];
    enum error error = attempts_check(request, SLICE_NONE);
    if (error)
        return error;
    secret_hash(request->service->keyring, slice_trim(fingerprint), hash);
    struct batch batch = batch_in(request->arena);
    struct rows *found = batch_add(&batch, STATEMENT_user_by_fingerprint, db_blob(hash, sizeof(hash)));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (found->count == 0)
        return refuse(request, SLICE_NONE, NULL,
                      fail(request, ERROR_UNAUTHENTICATED, "This fingerprint is not right."));
    struct user user = user_from(found, 0, "created_at");
    user.sign_in = (struct sign_in){SLICE("fingerprint"), clock_now_s()};
    if ((error = policy_check(request, &user)))
        return refuse(request, SLICE_NONE, &user, error);
    const struct session_start start = {.user = &user};
    return session_begin(request, &start, session, cookie);
}
