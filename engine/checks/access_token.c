#include "checks/access_token.h"

#include "base/clock.h"
#include "checks/authorization_header.h"

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
        .user = user_from(rows, 0, "user_created_at"),
    };
    token->user.sign_in = sign_in_from(rows, 0);
    return ERROR_NONE;
}

enum error access_token_check(struct request *request, struct access_token *token) {
    struct slice text = bearer_token(request->authorization), in_form = params_get(&request->form, "access_token");
    if (slice_is_set(text) && slice_is_set(in_form))
        return fail(request, ERROR_INVALID_REQUEST, "Send the access token one way, not two.");
    if (!slice_is_set(text))
        text = in_form;
    struct token_claim claim;
    if (!slice_is_set(text))
        return fail(request, ERROR_INVALID_TOKEN, "An access token is required.");
    if (!token_parse(text, &claim) || claim.kind != TOKEN_ACCESS)
        return fail(request, ERROR_INVALID_TOKEN, "The access token is malformed.");
    return access_token_find(request, &claim, token);
}
