#include "checks/passkey.h"

#include "base/clock.h"
#include "checks/quotas.h"
#include "checks/redirect_uri.h"
#include "checks/sign_in.h"
#include "checks/spend.h"
#include "crypto/hex.h"
#include "crypto/nonce.h"
#include "crypto/webauthn.h"
#include "policy/facts.h"
#include "registry/audit.h"

/* The issuer's: §5.1.2 wants a registrable domain, or localhost. */
static struct slice rp_id_of(struct request *request) {
    struct slice rest = slice_from(request->service->settings->issuer, 0);
    slice_cut(&rest, '/');
    slice_cut(&rest, '/');
    rest.len = slice_find(rest, '/');
    if (rest.len && rest.at[0] == '[')
        return (struct slice){rest.at, slice_find(rest, ']') + 1};
    rest.len = slice_find(rest, ':');
    return rest;
}

struct passkey_answer passkey_answer_from(const struct params *form) {
    return (struct passkey_answer){
        .credential_id = params_get(form, "credential_id"),
        .client_data = params_get(form, "client_data"),
        .authenticator_data = params_get(form, "authenticator_data"),
        .signature = params_get(form, "signature"),
        .attestation_object = params_get(form, "attestation_object"),
        .public_key = params_get(form, "public_key"),
    };
}

bool passkey_answer_is_new(const struct passkey_answer *answer) {
    return answer->attestation_object.len || answer->public_key.len;
}

const char *const passkey_use_names[PASSKEY_USES] = {
    [PASSKEY_SIGN_IN] = "sign_in", [PASSKEY_SECOND_FACTOR] = "second_factor", [PASSKEY_MAKE] = "make"};
static const enum key_purpose purposes[PASSKEY_USES] = {
    [PASSKEY_SIGN_IN] = KEY_PASSKEY, [PASSKEY_SECOND_FACTOR] = KEY_SECOND_PASSKEY, [PASSKEY_MAKE] = KEY_NEW_PASSKEY};

struct slice passkey_challenge(struct request *request, enum passkey_use use) {
    return login_nonce(request, purposes[use]);
}

/* A passkey is made for all that the policy will take it for. */
static bool must_verify_user(struct request *request, enum passkey_use use) {
    struct policy *policy = request->service->policy;
    return use == PASSKEY_SIGN_IN || (use == PASSKEY_MAKE && policy_offers_login(policy, "passkey")) ||
           policy_requires_user_verification(policy);
}

static struct slice ids_of(struct arena *arena, const struct value *passkeys) {
    struct buffer ids = buffer_in(arena);
    for (const struct value *one = passkeys ? passkeys->first : NULL; one; one = one->next) {
        if (ids.len)
            buffer_add_byte(&ids, ' ');
        buffer_add(&ids, value_get_text(one, "passkey_id"));
    }
    return buffer_slice(&ids);
}

void passkey_ask(struct request *request, struct value *context, enum passkey_use use, const struct user *user,
                 const struct value *passkeys, struct slice unknown_id) {
    struct arena *arena = request->arena;
    bool signs_in_alone = policy_offers_login(request->service->policy, "passkey");
    struct value *ask = value_map(arena);
    value_set_text(arena, ask, "use", slice_of(passkey_use_names[use]));
    value_set_text(arena, ask, "mode", use == PASSKEY_MAKE ? SLICE("create") : SLICE("get"));
    value_set_text(arena, ask, "challenge", passkey_challenge(request, use));
    value_set_int(arena, ask, "seconds", request->service->settings->nonce_s);
    value_set_text(arena, ask, "script_url", page_asset_url(request, SLICE("passkey.js")));
    value_set_text(arena, ask, "rp_id", rp_id_of(request));
    value_set_text(arena, ask, "ids", ids_of(arena, passkeys));
    value_set_text(arena, ask, "verification", must_verify_user(request, use) ? SLICE("required") : SLICE("preferred"));
    value_set_text(arena, ask, "residence", signs_in_alone ? SLICE("required") : SLICE("discouraged"));
    value_set_text(arena, ask, "unknown_id", unknown_id);
    if (user) {
        value_set_text(arena, ask, "user_id", user->user_id);
        value_set_text(arena, ask, "username", user->username);
    }
    value_set_value(context, "passkey", ask);
}

static struct slice challenge_read(struct request *request, struct slice client_data, enum passkey_use use) {
    const struct settings *settings = request->service->settings;
    struct slice origins[1 + RELATED_ORIGINS_MAX] = {uri_origin(request->arena, settings->issuer)};
    memcpy(origins + 1, settings->related_origins, sizeof(settings->related_origins));
    return webauthn_challenge(request->arena, client_data, use == PASSKEY_MAKE ? "webauthn.create" : "webauthn.get",
                              origins, 1 + settings->related_origins_count);
}

/* What all answers have in common: made here, for a nonce of ours that asked for this and nothing else, with somebody
 * there, and verified where they must be. */
struct reading {
    struct slice client_data, authenticator_data;
    struct webauthn_authenticator authenticator;
};

static enum error answer_read(struct request *request, const struct passkey_answer *answer, enum passkey_use use,
                              struct reading *reading, struct proven *proven) {
    struct arena *arena = request->arena;
    reading->client_data = base64url_decode(arena, answer->client_data);
    reading->authenticator_data = use == PASSKEY_MAKE && answer->attestation_object.len
                                      ? webauthn_attested_data(base64url_decode(arena, answer->attestation_object))
                                      : base64url_decode(arena, answer->authenticator_data);
    struct slice nonce = challenge_read(request, reading->client_data, use);
    if (!slice_is_set(nonce) ||
        !webauthn_authenticator_read(arena, reading->authenticator_data, rp_id_of(request), &reading->authenticator))
        return fail(request, ERROR_BAD_REQUEST, "What the passkey says is not for this page.");
    if (!nonce_is_valid(request->service->keyring, purposes[use], nonce, clock_now_s(), &proven->spent_expires_at_s))
        return fail(request, ERROR_BAD_REQUEST, "That took too long. Try again.");
    proven->spent_id = arena_printf(arena, "nonce:%.*s", SLICE_ARG(nonce));
    return ERROR_NONE;
}

static enum error verification_check(struct request *request, enum passkey_use use, const struct reading *reading) {
    return reading->authenticator.user_verified || !must_verify_user(request, use)
               ? ERROR_NONE
               : fail(request, ERROR_BAD_REQUEST, "The passkey has not asked for your PIN, finger or face.");
}

static struct sign_in signed_in_now(void) {
    return (struct sign_in){SLICE("passkey"), clock_now_s()};
}

/* Whether the policy takes a count that has not gone up; it is asked only then. */
static bool count_may_fall(struct request *request, const struct rows *found,
                           const struct webauthn_authenticator *now) {
    int64_t count = now->sign_count, last = row_int(found, 0, "sign_count");
    if (count > last || (count == 0 && last == 0))
        return false;
    struct arena *arena = request->arena;
    const struct user user = user_from(found, 0, "created_at");
    struct value *facts = facts_of(request), *passkey = value_map(arena);
    facts_add_user(arena, facts, &user);
    value_set_int(arena, passkey, "sign_count", count);
    value_set_int(arena, passkey, "last_sign_count", last);
    value_set_bool(arena, passkey, "is_synced", now->is_synced);
    value_set_bool(arena, passkey, "was_synced", row_bool(found, 0, "is_synced"));
    value_set_value(facts, "passkey", passkey);
    bool may_fall = policy_count_fell(request->service->policy, arena, facts);
    audit_decision(request, facts);
    return may_fall;
}

enum error passkey_check(struct request *request, const struct passkey_answer *answer, enum passkey_use use,
                         struct proven *proven) {
    struct reading reading;
    enum error error = answer_read(request, answer, use, &reading, proven);
    if (error)
        return error;
    struct slice signature = base64url_decode(request->arena, answer->signature);
    struct batch batch = batch_in(request->arena);
    struct rows *found = batch_add(&batch, STATEMENT_passkey_find,
                                   db_text(slice_is_set(answer->credential_id) ? answer->credential_id : SLICE("")));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (found->count == 0)
        return fail(request, ERROR_NOT_FOUND, "No account has this passkey.");
    if (!webauthn_signature_is_valid(request->arena, row_text(found, 0, "public_key"), reading.authenticator_data,
                                     reading.client_data, signature))
        return fail(request, ERROR_BAD_REQUEST, "The passkey's signature is not valid.");
    if ((error = verification_check(request, use, &reading)))
        return error;

    bool may_fall = count_may_fall(request, found, &reading.authenticator);
    batch = batch_in(request->arena);
    struct rows *used = batch_add(&batch, STATEMENT_passkey_use, db_text(answer->credential_id),
                                  db_int(reading.authenticator.sign_count), db_int(clock_now_s()),
                                  db_text(request_works_by_id(request)), db_bool(may_fall));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (used->count == 0)
        return fail(request, ERROR_BAD_REQUEST, "This passkey may have been copied: its count has gone back.");
    proven->user = user_from(found, 0, "created_at");
    proven->user.sign_in = signed_in_now();
    proven->credential = row_text(found, 0, "public_key");
    return ERROR_NONE;
}

enum error passkey_nonce_spend(struct request *request, const struct proven *proven) {
    bool is_first;
    enum error error = spend(request, proven->spent_id, proven->spent_expires_at_s, &is_first);
    if (error)
        return error;
    return is_first ? ERROR_NONE : fail(request, ERROR_BAD_REQUEST, "This page was sent already. Try again.");
}

/* Whoever is first to make somebody's first passkey, on every server; the minute is longer than a request takes. */
static enum error first_check(struct request *request, const struct user *user) {
    enum { MINUTE_S = 60 };
    struct slice id = arena_printf(request->arena, "first passkey:%.*s", SLICE_ARG(user->user_id));
    struct value *passkeys;
    bool is_first;
    enum error error = spend(request, id, clock_now_s() + MINUTE_S, &is_first);
    if (error || (error = passkey_list(request, user, &passkeys)))
        return error;
    return is_first && passkeys->count == 0 ? ERROR_NONE
                                            : fail(request, ERROR_BAD_REQUEST, "Use the passkey that you have.");
}

/* What is attested is what is kept. */
static enum error new_key_check(struct request *request, const struct passkey_answer *answer,
                                const struct webauthn_authenticator *authenticator) {
    struct slice key = authenticator->public_key;
    if (!slice_is_set(authenticator->credential_id) || !slice_is_set(key) || !webauthn_key_is_valid(key))
        return fail(request, ERROR_BAD_REQUEST, "This passkey has a key that cannot be used here.");
    if (answer->public_key.len && !slice_equal(base64url_decode(request->arena, answer->public_key), key))
        return fail(request, ERROR_BAD_REQUEST, "The key is not the one that the passkey says to have.");
    return ERROR_NONE;
}

enum error passkey_register(struct request *request, const struct passkey_making *making,
                            const struct passkey_answer *answer, struct proven *proven) {
    const struct user *user = making->user;
    struct reading reading;
    enum error error = answer_read(request, answer, PASSKEY_MAKE, &reading, proven);
    if (error || (error = new_key_check(request, answer, &reading.authenticator)) ||
        (error = verification_check(request, PASSKEY_MAKE, &reading)))
        return error;
    const struct passkey passkey = {
        .passkey_id = base64url_encode(request->arena, reading.authenticator.credential_id),
        .name = making->name,
        .public_key = reading.authenticator.public_key,
        .sign_count = reading.authenticator.sign_count,
        .is_synced = reading.authenticator.is_synced,
    };
    if ((error = passkey_nonce_spend(request, proven)))
        return error;
    proven->spent_id = SLICE_NONE;
    struct quotas quotas;
    if ((making->is_first && (error = first_check(request, user))) || (error = quotas_of(request, user, &quotas)) ||
        (error = passkey_add(request, user, &passkey, quotas.passkeys)))
        return error;
    proven->user = *user;
    proven->user.sign_in = signed_in_now();
    return ERROR_NONE;
}
