#include "checks/sign_in.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "checks/attempts.h"
#include "checks/second_factor.h"
#include "crypto/nonce.h"
#include "crypto/secret.h"
#include "crypto/sr25519.h"
#include "crypto/ss58.h"
#include "policy/facts.h"
#include "registry/audit.h"

struct slice login_nonce(struct request *request, enum key_purpose purpose) {
    char nonce[UUID_LEN + 1];
    nonce_mint(request->service->keyring, purpose, clock_now_s() + request->service->settings->nonce_s, nonce);
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

/* Nobody was signed in; `user`: who it would have been, if that is known. */
static enum error refuse(struct request *request, const struct user *user, enum error error) {
    metric_add(METRIC_sign_in_failures, 1);
    audit_refusal(request, user, NULL, request->error_text);
    return error;
}

/* How an attempt has ended; a store that cannot be asked is nobody's failure. */
static enum error conclude(struct request *request, const struct attempt *attempt, const struct user *user,
                           enum error error) {
    bool has_failed = error && error != ERROR_STORE_UNAVAILABLE;
    attempt_end(attempt, has_failed);
    return has_failed ? refuse(request, slice_is_set(user->user_id) ? user : NULL, error) : error;
}

/* What the policy does not offer is not taken, either. */
static enum error method_check(struct request *request, const char *method) {
    if (policy_offers_login(request->service->policy, method))
        return ERROR_NONE;
    return fail(request, ERROR_FORBIDDEN, "This way of signing in is switched off here.");
}

static enum error wallet_check(struct request *request, const struct wallet_proof *proof, struct proven *proven) {
    if (!nonce_is_valid(request->service->keyring, KEY_NONCE, proof->nonce, clock_now_s(), &proven->spent_expires_at_s))
        return fail(request, ERROR_BAD_REQUEST, "The nonce has expired or is not one of ours. Sign a fresh one.");
    unsigned char key[SR25519_KEY_SIZE];
    enum error error = wallet_signature_check(request, proof, key);
    if (error)
        return error;
    struct batch batch = batch_in(request->arena);
    struct rows *found = batch_add(&batch, STATEMENT_user_by_hotkey, db_blob(key, sizeof(key)));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (found->count == 0)
        return fail(request, ERROR_NOT_FOUND, "No account has this hotkey.");
    proven->user = user_from(found, 0, "created_at");
    proven->user.sign_in = (struct sign_in){SLICE("hotkey"), clock_now_s()};
    proven->credential = arena_copy(request->arena, (struct slice){(const char *)key, sizeof(key)});
    proven->passkeys = row_int(found, 0, "passkeys");
    proven->spent_id = arena_printf(request->arena, "nonce:%.*s", SLICE_ARG(proof->nonce));
    return policy_check(request, &proven->user);
}

enum error wallet_prove(struct request *request, const struct wallet_proof *proof, struct proven *proven) {
    unsigned char key[SS58_KEY_SIZE];
    bool has_key = ss58_decode(proof->hotkey, key);
    struct attempt attempt;
    enum error error = method_check(request, "hotkey");
    if (error || (error = attempt_begin(request, has_key ? (struct slice){(const char *)key, sizeof(key)} : SLICE_NONE,
                                        &attempt)))
        return error;
    return conclude(request, &attempt, &proven->user, wallet_check(request, proof, proven));
}

static enum error fingerprint_check(struct request *request, struct slice fingerprint, struct proven *proven) {
    unsigned char hash[SECRET_HASH_SIZE];
    secret_hash(request->service->keyring, slice_trim(fingerprint), hash);
    struct batch batch = batch_in(request->arena);
    struct rows *found = batch_add(&batch, STATEMENT_user_by_fingerprint, db_blob(hash, sizeof(hash)));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (found->count == 0)
        return fail(request, ERROR_UNAUTHENTICATED, "This fingerprint is not right.");
    proven->user = user_from(found, 0, "created_at");
    proven->user.sign_in = (struct sign_in){SLICE("fingerprint"), clock_now_s()};
    proven->credential = arena_copy(request->arena, (struct slice){(const char *)hash, sizeof(hash)});
    proven->passkeys = row_int(found, 0, "passkeys");
    return policy_check(request, &proven->user);
}

enum error fingerprint_prove(struct request *request, struct slice fingerprint, struct proven *proven) {
    struct attempt attempt;
    enum error error = method_check(request, "fingerprint");
    if (error || (error = attempt_begin(request, SLICE_NONE, &attempt)))
        return error;
    return conclude(request, &attempt, &proven->user, fingerprint_check(request, fingerprint, proven));
}

enum error passkey_prove(struct request *request, const struct passkey_answer *answer, struct proven *proven) {
    struct attempt attempt;
    enum error error = method_check(request, "passkey");
    if (error || (error = attempt_begin(request, answer->credential_id, &attempt)))
        return error;
    error = passkey_check(request, answer, PASSKEY_SIGN_IN, proven);
    if (!error)
        error = policy_check(request, &proven->user);
    return conclude(request, &attempt, &proven->user, error);
}

enum error second_factor_sign_in(struct request *request, const struct proven *first,
                                 const struct passkey_answer *answer, struct proven *proven) {
    struct attempt attempt;
    enum error error = attempt_begin(request, first->user.user_id, &attempt);
    if (error)
        return error;
    error = policy_check(request, &first->user); /* it may have changed its mind since */
    if (!error)
        error = second_factor_prove(request, first, answer, proven);
    return conclude(request, &attempt, &first->user, error);
}

enum error sign_in_finish(struct request *request, const struct proven *proven, struct session *session,
                          struct slice *cookie) {
    const struct session_start start = {&proven->user, proven->credential, proven->spent_id,
                                        proven->spent_expires_at_s};
    enum error error = session_begin(request, &start, session, cookie);
    return error == ERROR_INVALID_REQUEST ? refuse(request, &proven->user, error) : error;
}
