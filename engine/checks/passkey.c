#include "checks/passkey.h"

#include "base/clock.h"
#include "checks/quotas.h"
#include "checks/redirect_uri.h"
#include "checks/sign_in.h"
#include "checks/spend.h"
#include "crypto/hex.h"
#include "crypto/nonce.h"
#include "crypto/webauthn.h"

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
        .public_key = params_get(form, "public_key"),
    };
}

void passkey_ask(struct request *request, struct value *context, const struct user *user, const struct value *passkeys,
                 bool is_new) {
    struct arena *arena = request->arena;
    enum key_purpose purpose = is_new ? KEY_NEW_PASSKEY : user ? KEY_SECOND_PASSKEY : KEY_PASSKEY;
    struct value *ask = value_map(arena);
    struct buffer ids = buffer_in(arena);
    for (const struct value *one = passkeys ? passkeys->first : NULL; one; one = one->next) {
        if (ids.len)
            buffer_add_byte(&ids, ' ');
        buffer_add(&ids, value_get_text(one, "passkey_id"));
    }
    value_set_text(arena, ask, "mode", is_new ? SLICE("create") : SLICE("get"));
    value_set_text(arena, ask, "challenge", login_nonce(request, purpose));
    value_set_text(arena, ask, "script_url", page_asset_url(request, SLICE("passkey.js")));
    value_set_text(arena, ask, "rp_id", rp_id_of(request));
    value_set_text(arena, ask, "ids", buffer_slice(&ids));
    value_set_text(arena, ask, "verification", user && !is_new ? SLICE("preferred") : SLICE("required"));
    if (user) {
        value_set_text(arena, ask, "user_id", user->user_id);
        value_set_text(arena, ask, "username", user->username);
    }
    value_set_value(context, "passkey", ask);
}

/* What all answers have in common: made here, for a nonce of ours that asked for this and nothing else, with somebody
 * there. */
struct reading {
    struct slice client_data, authenticator_data;
    struct webauthn_authenticator authenticator;
};

static enum error answer_read(struct request *request, const struct passkey_answer *answer, enum key_purpose purpose,
                              struct reading *reading, struct proven *proven) {
    struct arena *arena = request->arena;
    reading->client_data = base64url_decode(arena, answer->client_data);
    reading->authenticator_data = base64url_decode(arena, answer->authenticator_data);
    struct slice origin = uri_origin(arena, request->service->settings->issuer);
    const char *type = purpose == KEY_NEW_PASSKEY ? "webauthn.create" : "webauthn.get";
    struct slice nonce = webauthn_challenge(arena, reading->client_data, type, origin);
    if (!slice_is_set(nonce) ||
        !webauthn_authenticator_read(reading->authenticator_data, rp_id_of(request), &reading->authenticator))
        return fail(request, ERROR_BAD_REQUEST, "What the passkey says is not for this page.");
    if (!nonce_is_valid(request->service->keyring, purpose, nonce, clock_now_s(), &proven->spent_expires_at_s))
        return fail(request, ERROR_BAD_REQUEST, "That took too long. Try again.");
    proven->spent_id = arena_printf(arena, "nonce:%.*s", SLICE_ARG(nonce));
    return ERROR_NONE;
}

static struct sign_in signed_in_now(void) {
    return (struct sign_in){SLICE("passkey"), clock_now_s()};
}

enum error passkey_check(struct request *request, const struct passkey_answer *answer, bool is_alone,
                         struct proven *proven) {
    struct reading reading;
    enum key_purpose purpose = is_alone ? KEY_PASSKEY : KEY_SECOND_PASSKEY;
    enum error error = answer_read(request, answer, purpose, &reading, proven);
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
    if (is_alone && !reading.authenticator.user_verified)
        return fail(request, ERROR_BAD_REQUEST, "The passkey has not asked for your PIN, finger or face.");

    batch = batch_in(request->arena);
    struct rows *used = batch_add(&batch, STATEMENT_passkey_use, db_text(answer->credential_id),
                                  db_int(reading.authenticator.sign_count), db_int(clock_now_s()),
                                  db_text(request_works_by_id(request)));
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

enum error passkey_register(struct request *request, const struct passkey_making *making,
                            const struct passkey_answer *answer, struct proven *proven) {
    const struct user *user = making->user;
    struct reading reading;
    enum error error = answer_read(request, answer, KEY_NEW_PASSKEY, &reading, proven);
    if (error)
        return error;
    const struct passkey passkey = {
        .passkey_id = base64url_encode(request->arena, reading.authenticator.credential_id),
        .name = making->name,
        .public_key = base64url_decode(request->arena, answer->public_key),
        .sign_count = reading.authenticator.sign_count,
    };
    if (!slice_is_set(reading.authenticator.credential_id) || !webauthn_key_is_valid(passkey.public_key))
        return fail(request, ERROR_BAD_REQUEST, "This passkey has a key that cannot be used here.");
    if (!reading.authenticator.user_verified)
        return fail(request, ERROR_BAD_REQUEST, "The passkey has not asked for your PIN, finger or face.");
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
