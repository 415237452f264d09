/* grant_type=authorization_code (RFC 6749 §4.1.3, RFC 7636 §4.6). */
#include "endpoints/token_family.h"

#include "base/clock.h"
#include "checks/pkce.h"
#include "checks/scope.h"
#include "crypto/code.h"

/* The grant that the code names, if it may be redeemed by this client. */
static enum error grant_read(struct request *request, const struct client *client, struct rows **grant) {
    struct code code;
    if (!code_open(request->arena, request->service->keyring, params_get(&request->form, "code"), &code))
        return fail(request, ERROR_INVALID_GRANT, "The code is not valid.");
    if (!slice_equal(code.app_id, client->app.app_id))
        return fail(request, ERROR_INVALID_GRANT, "The code was issued to another client.");
    if (code.expires_at_s <= clock_now_s())
        return fail(request, ERROR_INVALID_GRANT, "The code has expired.");
    struct batch batch = batch_in(request->arena);
    *grant = batch_add(&batch, STATEMENT_grant_find, db_text(code.grant_id), db_text(code.app_id));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if ((*grant)->count == 0 || !row_is_null(*grant, 0, "revoked_at"))
        return fail(request, ERROR_INVALID_GRANT, "The authorization has been revoked.");
    /* RFC 6749 §4.1.3: identical to the one of the authorization request. */
    if (!slice_equal(params_get(&request->form, "redirect_uri"), row_text(*grant, 0, "redirect_uri")))
        return fail(request, ERROR_INVALID_GRANT, "redirect_uri differs from the authorization request's.");
    return ERROR_NONE;
}

/* The client secret, the PKCE verifier, or both. A verifier without a challenge is an attempt to
 * downgrade (RFC 9700 §4.8.2). */
static enum error proof_check(struct request *request, const struct client *client, struct slice challenge) {
    struct slice verifier = params_get(&request->form, "code_verifier");
    if (!slice_is_set(challenge)) {
        if (slice_is_set(verifier))
            return fail(request, ERROR_INVALID_GRANT, "code_verifier is given, but no code_challenge was.");
        if (!client->is_authenticated)
            return fail(request, ERROR_INVALID_CLIENT, "The client secret is required: no code_challenge was sent.");
        return ERROR_NONE;
    }
    if (!slice_is_set(verifier))
        return fail(request, ERROR_INVALID_GRANT, "code_verifier is required.");
    if (!pkce_verifier_is_valid(verifier))
        return fail(request, ERROR_INVALID_REQUEST, "code_verifier is not 43 to 128 unreserved characters.");
    if (!pkce_matches(verifier, challenge))
        return fail(request, ERROR_INVALID_GRANT, "code_verifier does not match the code_challenge.");
    return ERROR_NONE;
}

/* Compare-and-set: *is_first says whether this was the redemption that counts. */
static enum error redeem(struct request *request, const struct client *client, const struct token_pair *pair,
                         struct slice grant_id, bool *is_first) {
    struct db_value grant = db_text(grant_id), now = db_int(pair->now_s);
    struct db_value access = db_text(slice_of(pair->access.id)), refresh = db_text(slice_of(pair->refresh.id));
    struct db_value scopes = db_text(names_join(request->arena, pair->scopes));
    struct db_value refresh_expires_at = db_int(pair->refresh_expires_at_s);
    struct batch batch = batch_in(request->arena);
    struct rows *redeemed =
        batch_add(&batch, STATEMENT_grant_redeem, grant, now, access,
                  db_text(client->is_authenticated ? SLICE("secret") : SLICE("pkce")), refresh_expires_at);
    batch_add(&batch, STATEMENT_access_token_insert_redeemed, access, grant,
              db_blob(pair->access.hash, SECRET_HASH_SIZE), scopes, now, db_int(pair->access_expires_at_s));
    batch_add(&batch, STATEMENT_refresh_token_insert_redeemed, refresh, grant,
              db_blob(pair->refresh.hash, SECRET_HASH_SIZE), scopes, now, refresh_expires_at, access);
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    *is_first = redeemed->count == 1;
    return ERROR_NONE;
}

/* RFC 9700 §4.14, RFC 6749 §4.1.2: whoever comes second may be the thief, or the first was. */
static enum error replayed(struct request *request, struct slice grant_id) {
    enum error error = token_family_revoke(request, grant_id);
    return error ? error : fail(request, ERROR_INVALID_GRANT, "The code has been used already.");
}

struct response token_by_code(struct request *request, const struct client *client) {
    struct rows *grant = NULL;
    enum error error = grant_read(request, client, &grant);
    if (!error)
        error = proof_check(request, client, row_text(grant, 0, "code_challenge"));
    if (error)
        return token_refusal(request, NULL, &client->app, error);
    struct slice grant_id = row_text(grant, 0, "grant_id");
    if (!row_is_null(grant, 0, "redeemed_at"))
        return token_refusal(request, NULL, &client->app, replayed(request, grant_id));

    struct user user = user_from(grant, 0, "user_created_at");
    user.sign_in = sign_in_from(grant, 0);
    const struct scope_question question = {
        .user = &user,
        .app = &client->app,
        .requested = names_split(request->arena, row_text(grant, 0, "scopes")),
        .previous = token_previous(request, grant),
        .grant_type = "authorization_code",
    };
    const struct value *scopes;
    struct token_pair pair;
    if ((error = scope_grant(request, &question, &scopes)) ||
        (error = token_pair_mint(request, &user, &client->app, scopes, &pair)))
        return token_refusal(request, &user, &client->app, error);
    bool is_first;
    if ((error = redeem(request, client, &pair, grant_id, &is_first)))
        return token_refusal(request, &user, &client->app, error);
    if (!is_first)
        return token_refusal(request, &user, &client->app, replayed(request, grant_id));
    return token_pair_answer(request, &user, &client->app, &pair);
}
