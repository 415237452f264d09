#include "endpoints/consent_step.h"

#include "base/clock.h"
#include "checks/client.h"
#include "checks/redirect_uri.h"
#include "checks/scope.h"
#include "crypto/code.h"
#include "crypto/random.h"
#include "registry/audit.h"
#include "registry/authorizations.h"

void page_add_app(struct request *request, struct value *context, const struct app *app) {
    struct arena *arena = request->arena;
    struct value *facts = value_map(arena), *owner = value_map(arena);
    value_set_text(arena, facts, "name", app->name);
    value_set_text(arena, facts, "description", app->description);
    value_set_text(arena, facts, "homepage_url", app->homepage_url);
    value_set_text(arena, facts, "logo_url", app->logo_url);
    value_set_text(arena, owner, "username", app->owner_username);
    value_set_value(context, "app", facts);
    value_set_value(context, "owner", owner);
}

struct slice page_title(struct request *request, const char *english, const struct app *app) {
    return arena_printf(request->arena, "%.*s \u2068%.*s\u2069", SLICE_ARG(response_phrase(request, english)),
                        SLICE_ARG(app->name)); /* isolated in direction: a title has no elements */
}

enum error consent_previous(struct request *request, const struct user *user, const struct app *app,
                            const struct value **previous) {
    struct arena *arena = request->arena;
    struct batch batch = batch_in(arena);
    struct rows *rows = batch_add(&batch, STATEMENT_authorization_of, db_text(user->user_id), db_text(app->app_id));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    *previous = NULL;
    if (rows->count == 0 || !row_is_null(rows, 0, "revoked_at"))
        return ERROR_NONE;
    struct value *facts = value_map(arena);
    value_set_value(facts, "scopes", names_split(arena, row_text(rows, 0, "scopes")));
    value_set_int(arena, facts, "created_at", row_int(rows, 0, "created_at"));
    value_set_int(arena, facts, "updated_at", row_int(rows, 0, "updated_at"));
    *previous = facts;
    return ERROR_NONE;
}

static bool is_optional(const struct value *page, struct slice name) {
    for (const struct value *group = value_get(page, "groups")->first; group; group = group->next)
        for (const struct value *scope = value_get(group, "scopes")->first; scope; scope = scope->next) {
            const struct value *optional = value_get(scope, "optional");
            if (optional && optional->kind == VALUE_BOOL && optional->boolean &&
                slice_equal(value_get_text(scope, "name"), name))
                return true;
        }
    return false;
}

const struct value *consent_offer(struct request *request, struct pending *pending, const struct user *user,
                                  const struct value *previous) {
    const struct value *scopes = pending->asked.scopes;
    struct value *facts = authorization_facts(request, &pending->asked, user, previous);
    const struct value *page = policy_consent_page(request->service->policy, request->arena, facts);
    pending->offered = SLICE_NONE;
    if (!page)
        return NULL;
    char *offered = arena_alloc(request->arena, scopes->count + 1), *at = offered;
    for (const struct value *scope = scopes->first; scope; scope = scope->next)
        *at++ = is_optional(page, scope->text) ? SCOPE_OPTIONAL : SCOPE_REQUIRED;
    pending->offered = (struct slice){offered, scopes->count};
    return page;
}

/* What the user has granted to the app from now on: before and now together, but for a box that was left empty this
 * time. When two tabs approve at once the last one wins; the other's scopes are asked for again, its grant keeps them.
 */
static struct slice scopes_together(struct arena *arena, const struct approval *approval) {
    struct value *all = value_list(arena);
    const struct value *before = value_get(approval->previous, "scopes");
    for (const struct value *one = before ? before->first : NULL; one; one = one->next)
        if (!scope_holds(approval->asked->scopes, one->text))
            value_append_text(arena, all, one->text);
    for (const struct value *one = approval->scopes->first; one; one = one->next)
        if (!scope_holds(all, one->text))
            value_append_text(arena, all, one->text);
    return names_join(arena, all);
}

/* What the grant lives on as: a sealed code, or the row that its device asks for. */
static int64_t grant_expires_at_s(struct request *request, const struct authorization_request *asked, int64_t now_s) {
    return slice_is_set(asked->device_id) ? asked->device_until_s : now_s + request->service->settings->code_s;
}

/* Its row, if nobody has answered the request before. */
static struct rows *grant_add(struct batch *batch, struct request *request, const struct approval *approval,
                              struct slice grant_id) {
    const struct authorization_request *asked = approval->asked;
    const struct session *session = approval->session;
    int64_t now_s = clock_now_s();
    /* The sign-in in this browser is not the device's: it ends without that one's. */
    struct slice session_id = slice_is_set(asked->device_id) ? SLICE("") : session->session_id;
    return batch_add(batch, STATEMENT_grant_insert, db_text(grant_id), db_text(session->user.user_id),
                     db_text(asked->app.app_id), db_text(names_join(request->arena, approval->scopes)),
                     db_text(asked->redirect_uri), db_text(asked->code_challenge), db_text(asked->nonce),
                     db_int(session->user.sign_in.at), db_text(session->user.sign_in.method), db_text(session_id),
                     db_int(now_s), db_text(approval->spent_id), db_int(grant_expires_at_s(request, asked, now_s)),
                     db_text(asked->resources), db_text(asked->claims), db_text(asked->dpop_jkt));
}

enum error consent_approve(struct request *request, const struct approval *approval, struct slice *code) {
    const struct authorization_request *asked = approval->asked;
    struct arena *arena = request->arena;
    bool is_device = slice_is_set(asked->device_id);
    int64_t now_s = clock_now_s();
    char authorization_id[UUID_LEN + 1], grant_id[KEY_ID_LEN + 1];
    uuid_timed(authorization_id);
    key_id_mint(grant_id);
    request_works(request, slice_of(grant_id));
    struct db_value grant = db_text(slice_of(grant_id)), spent = db_text(approval->spent_id);
    struct db_value user = db_text(approval->session->user.user_id), app = db_text(asked->app.app_id);

    struct db_value session = db_text(approval->session->session_id);
    struct batch batch = batch_in(arena);
    struct rows *held = batch_add(&batch, STATEMENT_authorization_lock, user, app);
    batch_add(&batch, STATEMENT_spend_in_session, spent, grant, db_int(approval->spent_expires_at_s), session);
    batch_add(&batch, STATEMENT_authorization_approve, db_text(slice_of(authorization_id)), user, app,
              db_text(scopes_together(arena, approval)), db_int(now_s), spent, grant);
    authorization_count(&batch, user, app);
    struct rows *made = grant_add(&batch, request, approval, slice_of(grant_id));
    audit_add(&batch, request,
              &(struct audit_change){.kind = AUDIT_CONSENT,
                                     .proof = AUDIT_PROOF_GRANT,
                                     .id = slice_of(grant_id),
                                     .user = &approval->session->user,
                                     .app_id = asked->app.app_id,
                                     .detail = names_join(arena, approval->scopes)});
    if (is_device)
        batch_add(&batch, STATEMENT_device_decide, db_text(asked->device_id), db_int(now_s), grant, spent, grant);
    else if (slice_is_set(asked->app.metadata.backchannel_logout_uri))
        batch_add(&batch, STATEMENT_session_app_note, session, app, user,
                  db_int(now_s + request->service->settings->session_s), spent, grant);
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (held->count == 0)
        return fail(request, ERROR_BAD_REQUEST, "There is no such app.");
    if (made->count == 0)
        return fail(request, ERROR_BAD_REQUEST, "This request has been answered already. Go back to the app.");
    const struct code sealed = {slice_of(grant_id), asked->app.app_id, grant_expires_at_s(request, asked, now_s)};
    *code = is_device ? SLICE_NONE : code_seal(arena, request->service->keyring, KEY_CODE, &sealed);
    return ERROR_NONE;
}

struct slice consent_page_path(struct request *request, const struct pending *pending, const struct session *session) {
    return arena_printf(request->arena, "/idp/authorize/consent?session_id=%.*s",
                        SLICE_ARG(pending_seal(request, pending, session)));
}

static struct response skip(struct request *request, const struct authorization_request *asked,
                            const struct session *session, const struct value *previous) {
    const struct approval approval = {
        .asked = asked,
        .session = session,
        .scopes = asked->scopes,
        .previous = previous,
        .spent_id = pending_spent_id(request->arena, asked),
        .spent_expires_at_s = slice_is_set(asked->pushed_id) ? asked->pushed_until_s : clock_now_s(),
    };
    struct slice code;
    enum error error = consent_approve(request, &approval, &code);
    return error ? authorization_error(request, asked, error) : authorization_success(request, asked, code);
}

/* An answer that comes without the page's form (a client that drives a sign-in by itself) is to what the page would
 * have offered now. Where the policy fails nothing is: the page says so. */
static struct response to_page(struct request *request, struct authorization_request *asked,
                               const struct session *session, const struct value *previous) {
    struct pending *pending = arena_alloc(request->arena, sizeof(*pending));
    enum error error = client_renew(request, &asked->app, ERROR_NONE); /* the page shows the app as it is */
    if (error)
        return authorization_error(request, asked, error);
    pending_begin(request, asked, pending);
    consent_offer(request, pending, &session->user, previous);
    return response_redirect(slice_is(request->method, "POST") ? 303 : 302,
                             arena_printf(request->arena, "%.*s%.*s", SLICE_ARG(request->service->settings->issuer),
                                          SLICE_ARG(consent_page_path(request, pending, session))));
}

struct response consent_step(struct request *request, struct authorization_request *asked,
                             const struct session *session) {
    const struct value *previous;
    enum error error = authorization_subject_check(request, asked, &session->user);
    if (error || (error = consent_previous(request, &session->user, &asked->app, &previous)))
        return authorization_error(request, asked, error);
    const struct scope_question question = {
        .user = &session->user,
        .app = &asked->app,
        .requested = asked->scopes,
        .previous = previous,
        .prompt = asked->prompt,
        .grant_type = authorization_grant_type(asked),
    };
    if ((error = scope_grant(request, &question, &asked->scopes))) {
        audit_refusal(request, &session->user, &asked->app, request->error_text);
        return authorization_error(request, asked, error);
    }

    struct value *facts = authorization_facts(request, asked, &session->user, previous);
    struct consent_decision decision = policy_consent(request->service->policy, request->arena, facts);
    audit_decision(request, facts);
    switch (decision.choice) {
    case CONSENT_SKIP:
        if (slice_is_set(asked->device_id) || asked->prompt_consent)
            break;
        return skip(request, asked, session, previous);
    case CONSENT_DENY:
        audit_refusal(request, &session->user, &asked->app, decision.reason);
        return authorization_error(request, asked,
                                   fail(request, ERROR_ACCESS_DENIED, "%.*s", SLICE_ARG(decision.reason)));
    case CONSENT_ASK:
        break;
    }
    if (asked->prompt_none)
        return authorization_error(request, asked, ERROR_CONSENT_REQUIRED);
    return to_page(request, asked, session, previous);
}
