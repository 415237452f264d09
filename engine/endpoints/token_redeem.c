/* The first tokens of a grant, however its redemption was proven. */
#include "endpoints/token_family.h"

#include "checks/resource.h"
#include "checks/scope.h"
#include "registry/audit.h"

/* RFC 9449 §10: the code is bound to a key that the authorization request named. */
enum error token_binding_check(struct request *request, const struct token_caller *caller, const struct rows *row) {
    struct slice bound = row_text(row, 0, "dpop_jkt");
    if (slice_is_set(bound) && !slice_equal(bound, caller->proof.jkt))
        return fail(request, ERROR_INVALID_GRANT, "The code is bound to a DPoP key whose proof is missing.");
    return ERROR_NONE;
}

/* Compare-and-set: *is_first says whether this was the redemption that counts. */
static enum error redeem(struct request *request, const struct token_caller *caller, const struct token_set *set,
                         struct slice grant_id, struct token_repeatable repeatable, bool *is_first) {
    bool is_authenticated = caller->client.is_authenticated;
    int64_t ends_at_s = set->has_refresh ? set->refresh_expires_at_s : set->access_expires_at_s;
    request_works(request, slice_of(set->access.id));
    struct batch batch = batch_in(request->arena);
    struct rows *redeemed = batch_add(
        &batch, STATEMENT_grant_redeem, db_text(grant_id), db_int(set->now_s), db_text(slice_of(set->access.id)),
        db_text(is_authenticated ? SLICE("secret") : SLICE("pkce")), db_int(ends_at_s),
        is_authenticated ? db_null() : db_text(set->dpop_jkt), db_int(repeatable.since_s), db_int(repeatable.until_s));
    token_set_store(request, &batch, set, grant_id);
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    *is_first = redeemed->count == 1;
    return ERROR_NONE;
}

static enum error mint(struct request *request, const struct token_caller *caller, const struct rows *grant,
                       const struct user *user, struct token_set *set) {
    const struct app *app = &caller->client.app;
    const struct scope_question question = {
        .user = user,
        .app = app,
        .requested = names_split(request->arena, row_text(grant, 0, "scopes")),
        .previous = token_previous(request, grant),
        .grant_type = caller->grant_type,
    };
    struct token_making making = {
        .user = user,
        .app = app,
        .dpop_jkt = caller->proof.jkt,
        .has_refresh = true,
        .session_id = row_text(grant, 0, "session_id"),
        .nonce = row_text(grant, 0, "nonce"),
        .claims = row_text(grant, 0, "claims"),
    };
    enum error error = scope_grant(request, &question, &making.scopes);
    if (error || (error = resource_narrow(request, row_text(grant, 0, "resources"), &making.audience)))
        return error;
    making.has_id_token = scope_holds(making.scopes, SLICE("openid"));
    return token_set_mint(request, &making, set);
}

struct response token_redeem(struct request *request, const struct token_caller *caller, const struct rows *grant,
                             struct token_repeatable repeatable) {
    const struct app *app = &caller->client.app;
    struct slice grant_id = row_text(grant, 0, "grant_id");
    enum error error =
        dpop_spend(request, &caller->proof); /* first: who repeats a request to the letter ends nothing */
    int64_t redeemed_at_s = row_int(grant, 0, "redeemed_at"); /* 0: never */
    bool is_repeatable = redeemed_at_s > repeatable.since_s && redeemed_at_s <= repeatable.until_s;
    if (!error && redeemed_at_s && !is_repeatable)
        error = token_replayed(request, grant_id, SLICE_NONE);
    if (error)
        return token_refusal(request, NULL, app, error);
    struct user user = user_from(grant, 0, "user_created_at");
    user.sign_in = sign_in_from(grant, 0);
    struct token_set set;
    bool is_first;
    if ((error = token_binding_check(request, caller, grant)) || (error = mint(request, caller, grant, &user, &set)) ||
        (error = redeem(request, caller, &set, grant_id, repeatable, &is_first)))
        return token_refusal(request, &user, app, error);
    if (!is_first)
        return token_refusal(request, &user, app, token_replayed(request, grant_id, SLICE_NONE));
    return token_set_answer(request, &set);
}
