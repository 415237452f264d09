#include "checks/second_factor.h"

#include "base/clock.h"
#include "checks/sealed.h"
#include "checks/spend.h"
#include "crypto/hex.h"
#include "crypto/random.h"
#include "policy/facts.h"
#include "registry/audit.h"
#include "registry/users.h"

static const struct sealed_kind kind = {
    KEY_FACTOR,
    ERROR_BAD_REQUEST,
    "That took too long. Sign in again.",
    "That took too long. Sign in again.",
    {{"id", VALUE_TEXT}, {"user_id", VALUE_TEXT}, {"method", VALUE_TEXT}, {"at", VALUE_INT}},
};

bool second_factor_is_needed(struct request *request, const struct proven *proven) {
    if (slice_is(proven->user.sign_in.method, "passkey") || !policy_has_second_factor(request->service->policy))
        return false;
    struct value *facts = facts_of(request);
    facts_add_user(request->arena, facts, &proven->user);
    value_set_int(request->arena, facts, "passkeys", proven->passkeys);
    bool is_needed = policy_second_factor(request->service->policy, request->arena, facts);
    audit_decision(request, facts);
    return is_needed;
}

enum error second_factor_seal(struct request *request, const struct proven *proven, struct slice *factor) {
    struct arena *arena = request->arena;
    bool is_first = true;
    if (slice_is_set(proven->spent_id)) {
        enum error error = spend(request, proven->spent_id, proven->spent_expires_at_s, &is_first);
        if (error)
            return error;
    }
    if (!is_first)
        return fail(request, ERROR_INVALID_REQUEST, "This was used already, or has been replaced. Sign in again.");
    char id[UUID_LEN + 1];
    uuid_random(id);
    struct value *sealed = value_map(arena);
    value_set_text(arena, sealed, "id", slice_of(id));
    value_set_text(arena, sealed, "user_id", proven->user.user_id);
    value_set_text(arena, sealed, "method", proven->user.sign_in.method);
    value_set_int(arena, sealed, "at", proven->user.sign_in.at);
    value_set_text(arena, sealed, "credential", base64url_encode(arena, proven->credential));
    *factor = sealed_make(request, &kind, sealed, clock_now_s() + request->service->settings->pending_s);
    return ERROR_NONE;
}

enum error second_factor_open(struct request *request, struct slice factor, struct proven *first) {
    const struct value *sealed;
    enum error error = sealed_open(request, &kind, factor, &sealed, &first->spent_expires_at_s);
    if (error)
        return error;
    error = user_find_by_id(request, value_get_text(sealed, "user_id"), &first->user);
    if (error == ERROR_NOT_FOUND)
        return fail(request, ERROR_BAD_REQUEST, "There is no such account any more.");
    if (error)
        return error;
    first->user.sign_in = (struct sign_in){value_get_text(sealed, "method"), value_get(sealed, "at")->integer};
    first->credential = base64url_decode(request->arena, value_get_text(sealed, "credential"));
    first->spent_id = arena_printf(request->arena, "factor:%.*s", SLICE_ARG(value_get_text(sealed, "id")));
    return ERROR_NONE;
}

/* Whoever has only stolen the first factor of somebody with passkeys must not get in by making one. */
static enum error new_one(struct request *request, const struct user *first, const struct passkey_answer *answer,
                          struct proven *proven) {
    const struct passkey_making making = {first, SLICE("Made when signing in"), true};
    return passkey_register(request, &making, answer, proven);
}

static enum error one_there_is(struct request *request, const struct user *first, const struct passkey_answer *answer,
                               struct proven *proven) {
    enum error error = passkey_check(request, answer, PASSKEY_SECOND_FACTOR, proven);
    if (error)
        return error;
    if (!slice_equal(proven->user.user_id, first->user_id))
        return fail(request, ERROR_BAD_REQUEST, "This passkey belongs to another account.");
    return passkey_nonce_spend(request, proven);
}

enum error second_factor_prove(struct request *request, const struct proven *first, const struct passkey_answer *answer,
                               struct proven *proven) {
    const struct user *user = &first->user;
    enum error error = passkey_answer_is_new(answer) ? new_one(request, user, answer, proven)
                                                     : one_there_is(request, user, answer, proven);
    if (error)
        return error;
    proven->credential = first->credential;
    proven->spent_id = first->spent_id;
    proven->spent_expires_at_s = first->spent_expires_at_s;
    proven->user.sign_in.method = arena_printf(request->arena, "%.*s+passkey", SLICE_ARG(user->sign_in.method));
    return ERROR_NONE;
}
