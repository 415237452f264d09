/* /account/sessions: where somebody is signed in, and the end of that. */
#include "endpoints/account.h"
#include "endpoints/endpoints.h"

#include "base/clock.h"
#include "checks/fields.h"
#include "page/device_name.h"
#include "registry/logout.h"
#include "server/country.h"

enum { SESSIONS_SHOWN = 20 };

const struct field account_session_fields[] = {
    {"csrf_token", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "The page's."},
    {"action", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "sign_out or sign_out_everywhere."},
    {"session_id", FIELD_TEXT, 0, 0, 0, "For sign_out."},
    {0},
};

static struct value *session_shown(struct request *request, const struct rows *rows, size_t row,
                                   const struct session *own) {
    struct arena *arena = request->arena;
    struct value *shown = value_map(arena);
    struct slice user_agent = row_text(rows, row, "user_agent"), address = row_text(rows, row, "address");
    struct device_name device = device_name_of(user_agent);
    value_set_text(arena, shown, "session_id", row_text(rows, row, "session_id"));
    value_set_text(arena, shown, "browser",
                   device.browser   ? slice_of(device.browser)
                   : user_agent.len ? user_agent
                                    : SLICE("Unknown device"));
    value_set_text(arena, shown, "system", device.system && device.browser ? slice_of(device.system) : SLICE_NONE);
    value_set_text(arena, shown, "address", address);
    value_set_text(arena, shown, "country", country_of(request->service->countries, address));
    value_set_text(arena, shown, "method", row_text(rows, row, "auth_method"));
    value_set_text(arena, shown, "signed_in_at", account_time(arena, row_int(rows, row, "auth_time")));
    value_set_text(arena, shown, "seen_at", account_time(arena, row_int(rows, row, "seen_at")));
    value_set_bool(arena, shown, "is_this", slice_equal(row_text(rows, row, "session_id"), own->session_id));
    return shown;
}

struct response endpoint_account_sessions_page(struct request *request) {
    struct session session;
    struct response instead;
    if (!page_session(request, &session, &instead))
        return instead;
    struct account_part part = {SLICE("/account/sessions?"), account_page_number(request), SESSIONS_SHOWN, 0};
    struct batch batch = batch_in(request->arena);
    struct rows *rows = batch_add(&batch, STATEMENT_session_list, db_text(session.user.user_id), db_int(clock_now_s()),
                                  db_int(part.limit + 1), db_int(part.page * part.limit));
    if (!db_run(request->service->db, &batch))
        return respond_error(request, ERROR_STORE_UNAVAILABLE);
    struct value *context = account_context(request, &session, "Where you are signed in", "/account/sessions");
    struct value *sessions = value_list(request->arena);
    for (size_t i = 0; i < rows->count && i < SESSIONS_SHOWN; i++)
        value_append(sessions, session_shown(request, rows, i, &session));
    value_set_value(context, "sessions", sessions);
    part.total = part.page * part.limit + (int64_t)rows->count; /* as far as is known */
    account_add_pages(request, context, &part);
    return response_page(request, 200, "account_sessions", context, SLICE_NONE);
}

/* Only one's own: the ids of others are as good as none. */
static enum error one_end(struct request *request, const struct user *user, struct slice session_id) {
    struct rows *rows = slice_is_set(session_id)
                            ? db_find(request->service->db, request->arena, STATEMENT_session_find, session_id)
                            : NULL;
    if (!rows && slice_is_set(session_id))
        return ERROR_STORE_UNAVAILABLE;
    if (!rows || rows->count == 0 || !slice_equal(row_text(rows, 0, "user_id"), user->user_id))
        return fail(request, ERROR_NOT_FOUND, "You are not signed in there any more.");
    return session_end(request, user, session_id);
}

struct response endpoint_account_sessions(struct request *request) {
    struct session session;
    struct response instead;
    if (!page_form_session(request, &session, &instead))
        return instead;
    struct slice action = params_get(&request->form, "action");
    struct slice session_id = params_get(&request->form, "session_id");
    bool is_everywhere = slice_is(action, "sign_out_everywhere");
    int64_t ended;
    enum error error = is_everywhere                  ? sessions_end(request, &session.user, SLICE_NONE, &ended)
                       : slice_is(action, "sign_out") ? one_end(request, &session.user, session_id)
                                                      : fail(request, ERROR_BAD_REQUEST, "There is no such action.");
    if (error)
        return respond_error(request, error);
    if (!is_everywhere && !slice_equal(session_id, session.session_id))
        return account_redirect(request, "/account/sessions");
    struct response response = account_redirect(request, "/idp/logout"); /* which says that one is signed out */
    response_cookie(request, &response, SESSION_COOKIE, SLICE(""), 0);
    return response;
}
