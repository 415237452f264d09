/* grant_type=refresh_token (RFC 6749 §6), rotated at each use (RFC 9700 §4.14.2). */
#include "endpoints/token_family.h"

#include "base/clock.h"
#include "checks/resource.h"
#include "checks/scope.h"
#include "registry/audit.h"

static enum error refresh_read(struct request *request, const struct client *client, struct rows **found) {
    struct token_claim claim;
    if (!token_parse(params_get(&request->form, "refresh_token"), &claim) || claim.kind != TOKEN_REFRESH)
        return fail(request, ERROR_INVALID_GRANT, "The refresh token is malformed.");
    struct batch batch = batch_in(request->arena);
    *found = batch_add(&batch, STATEMENT_refresh_token_find, db_text(claim.id));
    if (!db_run_told(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if ((*found)->count == 0 ||
        !secret_matches(request->service->keyring, claim.secret, row_text(*found, 0, "secret_hash")))
        return fail(request, ERROR_INVALID_GRANT, "The refresh token is not valid or has been revoked.");
    if (!slice_equal(row_text(*found, 0, "app_id"), client->app.app_id))
        return fail(request, ERROR_INVALID_GRANT, "The refresh token was issued to another client.");
    if (row_int(*found, 0, "expires_at") <= clock_now_s())
        return fail(request, ERROR_INVALID_GRANT, "The refresh token has expired.");
    /* A grant that was redeemed with the secret is refreshed with it. */
    if (slice_is(row_text(*found, 0, "proof"), "secret") && !client->is_authenticated)
        return fail(request, ERROR_INVALID_CLIENT, "The client secret is required.");
    return ERROR_NONE;
}

/* RFC 6749 §6: `scope` may name fewer scopes than the grant has, never others; of this one access token. */
static enum error scopes_asked(struct request *request, const struct rows *found, const struct value **scopes) {
    const struct value *had = names_split(request->arena, row_text(found, 0, "scopes"));
    struct slice asked = params_get(&request->form, "scope");
    *scopes = had;
    if (!slice_is_set(asked))
        return ERROR_NONE;
    enum error error = scope_check(request, asked, scopes);
    if (error)
        return error;
    for (const struct value *one = (*scopes)->first; one; one = one->next)
        if (!scope_holds(had, one->text))
            return fail(request, ERROR_INVALID_SCOPE, "The grant does not have the scope %.*s.", SLICE_ARG(one->text));
    return ERROR_NONE;
}

/* The new refresh token's scopes are those of the one that was used (RFC 6749 §6), whatever the access token has. */
static enum error rotate(struct request *request, const struct token_set *set, const struct rows *found,
                         bool *is_good) {
    struct db_value used = db_text(row_text(found, 0, "token_id")), grant = db_text(row_text(found, 0, "grant_id"));
    struct db_value now = db_int(set->now_s), scopes = db_text(names_join(request->arena, set->scopes));
    struct db_value whole = db_text(row_text(found, 0, "scopes"));
    struct db_value access = db_text(slice_of(set->access.id)), refresh = db_text(slice_of(set->refresh.id));
    struct db_value refresh_expires_at = db_int(set->refresh_expires_at_s);
    request_works(request, slice_of(set->refresh.id));
    struct batch batch = batch_in(request->arena);
    int64_t rotated_at = clock_shared_s(); /* other servers ask how long ago that is */
    struct rows *rotated = batch_add(&batch, STATEMENT_refresh_token_rotate, used, db_int(rotated_at), refresh,
                                     db_int(rotated_at - request->service->settings->reuse_grace_s));
    batch_add(&batch, STATEMENT_access_token_insert_rotated, access, grant, db_blob(set->access.hash, SECRET_HASH_SIZE),
              scopes, now, db_int(set->access_expires_at_s), used, refresh, db_text(set->dpop_jkt),
              db_text(set->audience));
    batch_add(&batch, STATEMENT_refresh_token_insert_rotated, refresh, grant,
              db_blob(set->refresh.hash, SECRET_HASH_SIZE), whole, now, refresh_expires_at, used);
    batch_add(&batch, STATEMENT_grant_extend, grant, refresh_expires_at);
    token_set_audit(request, &batch, set);
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    *is_good = rotated->count == 1;
    return ERROR_NONE;
}

/* Rotated before, outside the reuse grace. */
static bool is_reused(struct request *request, const struct rows *found) {
    return !row_is_null(found, 0, "rotated_at") &&
           row_int(found, 0, "rotated_at") <= clock_shared_s() - request->service->settings->reuse_grace_s;
}

static enum error reused(struct request *request, const struct rows *found) {
    return token_replayed(request, row_text(found, 0, "grant_id"), row_text(found, 0, "token_id"));
}

static enum error mint(struct request *request, const struct token_caller *caller, const struct rows *found,
                       const struct user *user, const struct value *scopes, struct token_set *set) {
    const struct scope_question question = {
        .user = user,
        .app = &caller->client.app,
        .requested = scopes,
        .previous = token_previous(request, found),
        .grant_type = "refresh_token",
    };
    /* OpenID Connect Core §12.2: the id_token of a refresh has no nonce. */
    struct token_making making = {
        .user = user,
        .app = &caller->client.app,
        .dpop_jkt = caller->proof.jkt,
        .has_refresh = true,
        .session_id = row_text(found, 0, "session_id"),
        .claims = row_text(found, 0, "claims"),
    };
    enum error error = scope_grant(request, &question, &making.scopes);
    if (error || (error = resource_narrow(request, row_text(found, 0, "resources"), &making.audience)))
        return error;
    making.has_id_token = scope_holds(making.scopes, SLICE("openid"));
    return token_set_mint(request, &making, set);
}

struct response token_by_refresh(struct request *request, const struct token_caller *caller) {
    const struct client *client = &caller->client;
    struct rows *found = NULL;
    const struct value *scopes;
    enum error error = refresh_read(request, client, &found);
    if (!error)
        error = dpop_spend(request, &caller->proof);
    if (!error && is_reused(request, found))
        error = reused(request, found);
    if (!error)
        error = token_possession_check(request, caller, row_text(found, 0, "dpop_jkt"), "refresh_token",
                                       ERROR_INVALID_GRANT); /* that of a public client is bound (RFC 9449 §5) */
    if (!error)
        error = scopes_asked(request, found, &scopes);
    if (error)
        return token_refusal(request, NULL, &client->app, error);

    struct user user = user_from(found, 0, "user_created_at");
    user.sign_in = sign_in_from(found, 0);
    struct token_set *set = arena_alloc(request->arena, sizeof(*set));
    bool is_good;
    if ((error = mint(request, caller, found, &user, scopes, set)) || (error = rotate(request, set, found, &is_good)))
        return token_refusal(request, &user, &client->app, error);
    if (is_good)
        return token_set_answer(request, set);
    return token_refusal(request, &user, &client->app, reused(request, found));
}
