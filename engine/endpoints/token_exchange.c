/* grant_type=urn:ietf:params:oauth:grant-type:token-exchange (RFC 8693), as far as the tokens policy allows: an access
 * token of ours becomes one for the client that asks, with the same scopes or fewer, that lives no longer. */
#include "endpoints/token_family.h"

#include "checks/access_token.h"
#include "checks/resource.h"
#include "checks/scope.h"
#include "policy/facts.h"
#include "registry/audit.h"

#define TYPE_ACCESS_TOKEN "urn:ietf:params:oauth:token-type:access_token"
#define TYPE_JWT "urn:ietf:params:oauth:token-type:jwt"

static enum error types_check(struct request *request) {
    struct slice type = params_get(&request->form, "subject_token_type");
    struct slice wanted = params_get(&request->form, "requested_token_type");
    if (!slice_is(type, TYPE_ACCESS_TOKEN) && !slice_is(type, TYPE_JWT))
        return fail(request, ERROR_INVALID_REQUEST, "subject_token_type must be " TYPE_ACCESS_TOKEN ".");
    if (slice_is_set(wanted) && !slice_is(wanted, TYPE_ACCESS_TOKEN))
        return fail(request, ERROR_INVALID_REQUEST, "requested_token_type must be " TYPE_ACCESS_TOKEN ".");
    if (slice_is_set(params_get(&request->form, "actor_token")))
        return fail(request, ERROR_INVALID_REQUEST, "actor_token is not supported: the client itself is the actor.");
    return ERROR_NONE;
}

/* One that is bound to a key is nothing without it (RFC 9449 §7.2), and what comes of it is bound to the same. */
static enum error subject_read(struct request *request, const struct token_caller *caller,
                               struct access_token *subject) {
    struct token_claim claim;
    if (!access_token_parse(request, params_get(&request->form, "subject_token"), &claim) || claim.kind != TOKEN_ACCESS)
        return fail(request, ERROR_INVALID_REQUEST, "subject_token is not an access token of ours.");
    enum error error = access_token_find(request, &claim, subject);
    if (error == ERROR_INVALID_TOKEN || (!error && !subject->has_user))
        return fail(request, ERROR_INVALID_REQUEST, "subject_token is invalid, expired, revoked or of no user.");
    return error ? error
                 : token_possession_check(request, caller, subject->dpop_jkt, "subject_token", ERROR_INVALID_REQUEST);
}

static enum error scopes_asked(struct request *request, const struct access_token *subject,
                               const struct value **scopes) {
    struct slice asked = params_get(&request->form, "scope");
    *scopes = names_split(request->arena, subject->scopes);
    if (!slice_is_set(asked))
        return ERROR_NONE;
    enum error error = scope_check(request, asked, scopes);
    for (const struct value *one = error ? NULL : (*scopes)->first; one; one = one->next)
        if (!names_hold(subject->scopes, one->text))
            return fail(request, ERROR_INVALID_SCOPE, "subject_token does not have the scope %.*s.",
                        SLICE_ARG(one->text));
    return error;
}

/* What it may be for: of a token for named resources those or fewer, else what the policy allows. */
static enum error audience_asked(struct request *request, const struct app *app, const struct access_token *subject,
                                 struct slice *audience) {
    return subject->audience.len ? resource_narrow(request, subject->audience, audience)
                                 : resource_check(request, &request->form, app, audience);
}

static enum error policy_check(struct request *request, const struct app *app, const struct access_token *subject,
                               const struct token_making *making) {
    struct arena *arena = request->arena;
    struct value *facts = facts_of(request), *of = value_map(arena);
    facts_add_user(arena, facts, &subject->user);
    facts_add_app(arena, facts, app);
    value_set_value(facts, "scopes", value_copy(arena, making->scopes));
    if (making->audience.len)
        value_set_value(facts, "resources", names_split(arena, making->audience));
    value_set_text(arena, of, "client_id", subject->client_id);
    value_set_value(of, "scopes", names_split(arena, subject->scopes));
    value_set_bool(arena, of, "is_bound", slice_is_set(subject->dpop_jkt));
    value_set_value(facts, "subject_token", of);
    struct verdict verdict = policy_exchange(request->service->policy, arena, facts);
    audit_decision(request, facts);
    return verdict.allowed ? ERROR_NONE : fail(request, ERROR_INVALID_REQUEST, "%.*s", SLICE_ARG(verdict.reason));
}

static enum error store(struct request *request, const struct app *app, const struct access_token *subject,
                        const struct token_set *set) {
    char grant_id[KEY_ID_LEN + 1];
    key_id_mint(grant_id);
    struct slice grant = arena_copy(request->arena, slice_of(grant_id));
    struct batch batch = batch_in(request->arena);
    struct rows *made = batch_add(&batch, STATEMENT_grant_insert_exchanged, db_text(grant), db_text(app->app_id),
                                  db_text(names_join(request->arena, set->scopes)), db_int(set->now_s),
                                  db_text(slice_of(set->access.id)), db_int(set->access_expires_at_s),
                                  db_text(set->audience), db_text(subject->token_id), db_text(app->client_id));
    token_set_store(request, &batch, set, grant);
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    return made->count ? ERROR_NONE : fail(request, ERROR_INVALID_REQUEST, "subject_token has just been revoked.");
}

static enum error exchange(struct request *request, const struct token_caller *caller, struct access_token *subject,
                           struct token_set *set) {
    const struct app *app = &caller->client.app;
    struct token_making making = {.app = app, .dpop_jkt = caller->proof.jkt, .actor = app->client_id};
    struct scope_question question = {.app = app, .grant_type = GRANT_TOKEN_EXCHANGE};
    enum error error = types_check(request);
    if (!caller->client.is_authenticated)
        error = fail(request, ERROR_INVALID_CLIENT, "The client has to authenticate.");
    if (error || (error = subject_read(request, caller, subject)) || (error = dpop_spend(request, &caller->proof)) ||
        (error = scopes_asked(request, subject, &question.requested)))
        return error;
    making.user = question.user = &subject->user;
    making.expires_at_max_s = subject->expires_at;
    if ((error = scope_grant(request, &question, &making.scopes)) ||
        (error = audience_asked(request, app, subject, &making.audience)) ||
        (error = policy_check(request, app, subject, &making)) || (error = token_set_mint(request, &making, set)))
        return error;
    return store(request, app, subject, set);
}

struct response token_by_exchange(struct request *request, const struct token_caller *caller) {
    struct access_token subject = {0};
    struct token_set set;
    enum error error = exchange(request, caller, &subject, &set);
    const struct user *user = subject.has_user ? &subject.user : NULL;
    if (error)
        return token_refusal(request, user, &caller->client.app, error);
    set.issued_type = TYPE_ACCESS_TOKEN;
    return token_set_answer(request, &set);
}
