/* The consent page, and its answer. */
#include "endpoints/consent_step.h"
#include "endpoints/endpoints.h"

#include "base/clock.h"
#include "checks/csrf.h"
#include "checks/fields.h"
#include "checks/redirect_uri.h"
#include "checks/scope.h"
#include "registry/audit.h"

const struct field consent_query_fields[] = {
    {"session_id", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "The pending request; good once."},
    {0},
};

const struct field consent_fields[] = {
    {"action", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "approve or deny."},
    {"scope", FIELD_TEXT, 0, 0, 0, "Repeated: the optional scopes that stay ticked."},
    {0},
};

/* Both need the user and browser that the request was made in, and a session_id of ours. */
static enum error pending_check(struct request *request, struct session *session, struct pending *pending) {
    struct slice session_id = params_get(&request->query, "session_id");
    fields_required(request);
    enum error error = request_validation(request);
    if (error)
        return error;
    error = session_from_cookie(request, session);
    if (error == ERROR_UNAUTHENTICATED)
        return fail(request, ERROR_LOGIN_REQUIRED, "You are not signed in. Go back to the app and try again.");
    return error ? error : pending_open(request, session_id, session, pending);
}

/* "1 hour", "30 days": the largest unit that divides it. */
static struct slice duration_words(struct request *request, int64_t seconds) {
    static const struct {
        int64_t seconds;
        const char *one, *many;
    } units[] = {{86400, "day", "days"}, {3600, "hour", "hours"}, {60, "minute", "minutes"}, {1, "second", "seconds"}};
    size_t unit = 0;
    while (seconds % units[unit].seconds)
        unit++;
    int64_t count = seconds / units[unit].seconds;
    struct slice name = response_phrase(request, count == 1 ? units[unit].one : units[unit].many);
    return arena_printf(request->arena, "%lld %.*s", (long long)count, SLICE_ARG(name));
}

static enum error lifetime_words(struct request *request, const struct value *facts, struct slice *words) {
    struct lifetimes lifetimes;
    if (!policy_lifetimes(request->service->policy, request->arena, facts, &lifetimes))
        return ERROR_POLICY_FAILED;
    *words = arena_printf(request->arena, "%.*s; %.*s %.*s", SLICE_ARG(duration_words(request, lifetimes.access_s)),
                          SLICE_ARG(response_phrase(request, "renewed without asking you for up to")),
                          SLICE_ARG(duration_words(request, lifetimes.refresh_s)));
    return ERROR_NONE;
}

struct response endpoint_consent_page(struct request *request) {
    struct arena *arena = request->arena;
    struct session session;
    struct pending pending;
    enum error error = pending_check(request, &session, &pending);
    if (error)
        return respond_error(request, error);
    const struct authorization_request *asked = &pending.asked;

    struct batch batch = batch_in(arena);
    struct rows *spent = batch_add(&batch, STATEMENT_spent_find, db_text(pending.spent_id));
    if (!db_run(request->service->db, &batch))
        return respond_error(request, ERROR_STORE_UNAVAILABLE);
    if (spent->count)
        return respond_error(request, fail(request, ERROR_BAD_REQUEST, "This request has been answered already."));
    const struct value *previous;
    if ((error = consent_previous(request, &session.user, &asked->app, &previous)))
        return respond_error(request, error);

    const struct value *page = consent_offer(request, &pending, &session.user, previous);
    struct slice lifetime;
    if (!page || lifetime_words(request, authorization_facts(request, asked, &session.user, previous), &lifetime))
        return respond_error(request, ERROR_POLICY_FAILED);

    struct slice app_origin =
        slice_is_set(asked->device_id) ? SLICE_NONE : uri_origin(arena, asked->redirect_uri); /* where the form ends */
    struct value *context = value_map(arena), *user = value_map(arena);
    page_add_app(request, context, &asked->app);
    value_set_text(arena, context, "title", page_title(request, "Access for", &asked->app));
    value_set_text(arena, user, "username", session.user.username);
    value_set_value(context, "user", user);
    value_set_value(context, "page", value_copy(arena, page));
    value_set_text(arena, context, "lifetime", lifetime);
    value_set_text(arena, context, "user_code", asked->user_code);
    value_set_text(arena, context, "redirect_host", app_origin);
    value_set_text(arena, context, "form_action", consent_page_path(request, &pending, &session));
    return response_page(request, 200, "consent", context, app_origin);
}

static bool is_ticked(const struct request *request, struct slice scope) {
    for (size_t i = 0; i < request->form.count; i++)
        if (slice_is(request->form.list[i].name, "scope") && slice_equal(request->form.list[i].value, scope))
            return true;
    return false;
}

/* What the page offered, less the optional scopes whose box was left empty. */
static enum error approved_scopes(struct request *request, const struct pending *pending,
                                  const struct value **approved) {
    const struct value *scopes = pending->asked.scopes;
    struct value *kept = value_list(request->arena);
    size_t i = 0;
    if (pending->offered.len != scopes->count) /* the policy failed to make a page */
        return ERROR_POLICY_FAILED;
    for (const struct value *scope = scopes->first; scope; scope = scope->next)
        if (pending->offered.at[i++] == SCOPE_REQUIRED || is_ticked(request, scope->text))
            value_append_text(request->arena, kept, scope->text);
    *approved = kept;
    return ERROR_NONE;
}

static enum error approve(struct request *request, const struct pending *pending, const struct session *session,
                          struct slice *code) {
    struct approval approval = {
        .asked = &pending->asked,
        .session = session,
        .spent_id = pending->spent_id,
        .spent_expires_at_s = pending->spent_until_s,
    };
    enum error error = consent_previous(request, &session->user, &pending->asked.app, &approval.previous);
    if (!error)
        error = approved_scopes(request, pending, &approval.scopes);
    return error ? error : consent_approve(request, &approval, code);
}

static enum error deny(struct request *request, const struct pending *pending) {
    struct db_value spent = db_text(pending->spent_id), by = db_text(request_works_by_id(request));
    struct batch batch = batch_in(request->arena);
    struct rows *first = batch_add(&batch, STATEMENT_spend, spent, by, db_int(pending->spent_until_s));
    if (slice_is_set(pending->asked.device_id))
        batch_add(&batch, STATEMENT_device_decide, db_text(pending->asked.device_id), db_int(clock_now_s()), db_null(),
                  spent, by);
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (first->count == 0)
        return fail(request, ERROR_BAD_REQUEST, "This request has been answered already. Go back to the app.");
    return ERROR_NONE;
}

/* A device takes no redirect: it asks for itself (RFC 8628 §3.3). */
static struct response device_answer(struct request *request, const struct session *session, bool is_approved) {
    struct value *context = value_map(request->arena), *user = value_map(request->arena);
    value_set_text(request->arena, user, "username", session->user.username);
    if (is_approved)
        value_set_value(context, "user", user);
    value_set_text(request->arena, context, "title", is_approved ? SLICE("Done") : SLICE("Denied"));
    value_set_text(request->arena, context, "message",
                   is_approved ? SLICE("Go back to your device: it will go on by itself. You can close this page.")
                               : SLICE("The device gets no access. You can close this page."));
    return response_page(request, 200, "signed_in", context, SLICE_NONE);
}

struct response endpoint_consent(struct request *request) {
    enum error error = csrf_check(request);
    if (error)
        return respond_error(request, error);
    struct session session;
    struct pending pending;
    if ((error = pending_check(request, &session, &pending)))
        return respond_error(request, error);
    struct slice action = params_get(&request->form, "action");
    bool is_approved = slice_is(action, "approve");
    if (!is_approved && !slice_is(action, "deny"))
        request_invalid(request, "body", "action", -1, "string_pattern", "action is approve or deny");
    if ((error = request_validation(request)))
        return respond_error(request, error);

    struct slice code;
    error = is_approved ? approve(request, &pending, &session, &code) : deny(request, &pending);
    if (error)
        return respond_error(request, error);
    bool is_device = slice_is_set(pending.asked.device_id);
    if (is_approved)
        return is_device ? device_answer(request, &session, true)
                         : authorization_success(request, &pending.asked, code);
    error = fail(request, ERROR_ACCESS_DENIED, "The user denied the request.");
    audit_refusal(request, &session.user, &pending.asked.app, request->error_text);
    if (is_device)
        return device_answer(request, &session, false);
    return authorization_error(request, &pending.asked, error);
}
