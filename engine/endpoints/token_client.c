/* grant_type=client_credentials (RFC 6749 §4.4): a token of the client for itself. No refresh token (§4.4.3). */
#include "endpoints/token_family.h"

#include "checks/resource.h"
#include "checks/scope.h"
#include "registry/audit.h"

static enum error store(struct request *request, const struct app *app, const struct token_set *set) {
    char grant_id[KEY_ID_LEN + 1];
    key_id_mint(grant_id);
    struct slice grant = arena_copy(request->arena, slice_of(grant_id));
    struct batch batch = batch_in(request->arena);
    struct rows *made =
        batch_add(&batch, STATEMENT_grant_insert_client, db_text(grant), db_text(app->app_id),
                  db_text(names_join(request->arena, set->scopes)), db_int(set->now_s),
                  db_text(slice_of(set->access.id)), db_int(set->access_expires_at_s), db_text(set->audience));
    token_set_store(request, &batch, set, grant);
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    return made->count ? ERROR_NONE
                       : fail(request, ERROR_INVALID_CLIENT, "The app has just been switched off or deleted.");
}

static enum error mint(struct request *request, const struct token_caller *caller, struct token_set *set) {
    const struct app *app = &caller->client.app;
    struct scope_question question = {.app = app, .grant_type = "client_credentials"};
    struct token_making making = {.app = app, .dpop_jkt = caller->proof.jkt};
    struct slice scope = params_get(&request->form, "scope");
    enum error error = ERROR_NONE;
    if (slice_is_set(scope))
        error = scope_check(request, scope, &question.requested);
    else
        question.requested = names_split(request->arena, app->allowed_scopes);
    if (error || (error = scope_grant(request, &question, &making.scopes)) ||
        (error = resource_check(request, &request->form, app, &making.audience)))
        return error;
    return token_set_mint(request, &making, set);
}

struct response token_by_client(struct request *request, const struct token_caller *caller) {
    const struct app *app = &caller->client.app;
    struct token_set set;
    enum error error = caller->client.is_authenticated
                           ? ERROR_NONE
                           : fail(request, ERROR_INVALID_CLIENT, "The client has to authenticate.");
    if (error || (error = dpop_spend(request, &caller->proof)) || (error = mint(request, caller, &set)) ||
        (error = store(request, app, &set)))
        return token_refusal(request, NULL, app, error);
    return token_set_answer(request, &set);
}
