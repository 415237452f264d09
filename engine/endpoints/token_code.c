/* grant_type=authorization_code (RFC 6749 §4.1.3, RFC 7636 §4.6). */
#include "endpoints/token_family.h"

#include "base/clock.h"
#include "checks/pkce.h"
#include "crypto/code.h"

/* The grant that the code names, if it may be redeemed by this client. */
static enum error grant_read(struct request *request, const struct client *client, struct rows **grant) {
    struct code code;
    if (!code_open(request->arena, request->service->keyring, KEY_CODE, params_get(&request->form, "code"), &code))
        return fail(request, ERROR_INVALID_GRANT, "The code is not valid.");
    if (!slice_equal(code.app_id, client->app.app_id))
        return fail(request, ERROR_INVALID_GRANT, "The code was issued to another client.");
    if (code.expires_at_s <= clock_now_s())
        return fail(request, ERROR_INVALID_GRANT, "The code has expired.");
    struct batch batch = batch_in(request->arena);
    *grant = batch_add(&batch, STATEMENT_grant_find, db_text(code.id), db_text(code.app_id));
    if (!db_run_told(request->service->db, &batch))
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

struct response token_by_code(struct request *request, const struct token_caller *caller) {
    const struct client *client = &caller->client;
    struct rows *grant = NULL;
    enum error error = grant_read(request, client, &grant);
    if (!error)
        error = proof_check(request, client, row_text(grant, 0, "code_challenge"));
    return error ? token_refusal(request, NULL, &client->app, error)
                 : token_redeem(request, caller, grant, (struct token_repeatable){0});
}
