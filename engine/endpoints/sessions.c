/* DELETE /idp/sessions: the caller is signed out everywhere. */
#include "endpoints/endpoints.h"

#include "checks/caller.h"
#include "checks/session.h"
#include "registry/logout.h"

/* Every browser's session ends at once, on every worker; their apps are told (registry/logout.h). API keys and the
 * tokens of apps are no sessions and stay: they are revoked one by one, or by DELETE /idp/authorizations/{app_id}. */
struct response endpoint_sessions_end(struct request *request) {
    struct caller caller;
    int64_t ended;
    enum error error = caller_check(request, &caller);
    if (error || (error = sessions_end(request, &caller.user, SLICE_NONE, &ended)))
        return respond_error(request, error);
    struct value *answer = value_map(request->arena);
    value_set_int(request->arena, answer, "signed_out", ended);
    struct response response = response_value(request, answer);
    struct session session;
    if (slice_is_set(request->cookie) && session_from_cookie(request, &session) == ERROR_UNAUTHENTICATED)
        response_cookie(request, &response, SESSION_COOKIE, SLICE(""), 0);
    return response;
}
