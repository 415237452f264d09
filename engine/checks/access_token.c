#include "checks/access_token.h"

#include "base/clock.h"
#include "checks/authorization_header.h"
#include "checks/dpop.h"
#include "crypto/jose.h"

bool access_token_parse(struct request *request, struct slice text, struct token_claim *claim) {
    if (!slice_starts(text, "eyJ")) /* {" in base64url: a JWT */
        return token_parse(text, claim);
    struct jws jws;
    if (!jws_parse(request->arena, text, &jws) || !slice_is(jws.typ, "at+jwt"))
        return false;
    *claim = (struct token_claim){TOKEN_ACCESS, value_get_text(jws.payload, "jti"), text};
    return claim->id.len == KEY_ID_LEN;
}

enum error access_token_find(struct request *request, const struct token_claim *claim, struct access_token *token) {
    struct rows *rows = db_find(request->service->db, request->arena, STATEMENT_access_token_find, claim->id);
    if (!rows)
        return ERROR_STORE_UNAVAILABLE;
    if (rows->count == 0 ||
        !secret_matches(request->service->keyring, claim->secret, row_text(rows, 0, "secret_hash")) ||
        row_int(rows, 0, "expires_at") <= clock_now_s())
        return fail(request, ERROR_INVALID_TOKEN, "The access token is invalid, expired or revoked.");
    *token = (struct access_token){
        .token_id = row_text(rows, 0, "token_id"),
        .grant_id = row_text(rows, 0, "grant_id"),
        .app_id = row_text(rows, 0, "app_id"),
        .client_id = row_text(rows, 0, "client_id"),
        .scopes = row_text(rows, 0, "scopes"),
        .expires_at = row_int(rows, 0, "expires_at"),
        .has_user = !row_is_null(rows, 0, "user_id"),
        .user = user_from(rows, 0, "user_created_at"),
        .audience = row_text(rows, 0, "audience"),
        .dpop_jkt = row_text(rows, 0, "dpop_jkt"),
        .claims = row_text(rows, 0, "claims"),
    };
    token->user.sign_in = sign_in_from(rows, 0);
    return ERROR_NONE;
}

enum error access_token_possession_check(struct request *request, struct slice text, const struct access_token *token) {
    bool is_dpop = slice_is_set(dpop_token(request->authorization));
    if (!slice_is_set(token->dpop_jkt))
        return is_dpop ? fail(request, ERROR_INVALID_TOKEN, "The access token is a bearer token.") : ERROR_NONE;
    if (!is_dpop) /* RFC 9449 §7.2: it must not be taken for a bearer token */
        return fail(request, ERROR_INVALID_TOKEN, "The access token is bound to a key: send it as DPoP, with a proof.");
    struct dpop_proof proof;
    enum error error = dpop_check(request, text, &proof);
    if (error)
        return error;
    if (!slice_equal(proof.jkt, token->dpop_jkt))
        return fail(request, ERROR_INVALID_TOKEN, "The DPoP proof is of another key than the access token's.");
    return dpop_spend(request, &proof);
}

enum error access_token_check(struct request *request, struct access_token *token) {
    struct slice text = bearer_token(request->authorization), in_form = params_get(&request->form, "access_token");
    if (!slice_is_set(text))
        text = dpop_token(request->authorization);
    if (slice_is_set(text) && slice_is_set(in_form))
        return fail(request, ERROR_INVALID_REQUEST, "Send the access token one way, not two.");
    if (!slice_is_set(text))
        text = in_form;
    struct token_claim claim;
    if (!slice_is_set(text))
        return fail(request, ERROR_INVALID_TOKEN, "An access token is required.");
    if (!access_token_parse(request, text, &claim) || claim.kind != TOKEN_ACCESS)
        return fail(request, ERROR_INVALID_TOKEN, "The access token is malformed.");
    enum error error = access_token_find(request, &claim, token);
    return error ? error : access_token_possession_check(request, text, token);
}
