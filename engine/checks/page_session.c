#include "checks/page_session.h"

#include "checks/csrf.h"
#include "checks/redirect_uri.h"

#include <ctype.h>

static const char *const own_pages[] = {"/account", "/admin"};

bool own_page_is_valid(struct slice path_and_query) {
    size_t len = 0;
    for (size_t i = 0; i < sizeof(own_pages) / sizeof(*own_pages); i++)
        if (slice_starts(path_and_query, own_pages[i]))
            len = strlen(own_pages[i]);
    struct slice rest = len ? slice_from(path_and_query, len) : SLICE_NONE;
    if (!len || (rest.len && rest.at[0] != '/' && rest.at[0] != '?'))
        return false;
    struct slice path = {rest.at, slice_find(rest, '?')};
    if (memmem(path.at, path.len, "/.", 2) || slice_find(path, '%') < path.len) /* "..", plain or not, leads out */
        return false;
    for (size_t i = 0; i < rest.len; i++)
        if (!isalnum((unsigned char)rest.at[i]) && !memchr("/?=&%+-._~!$'()*,;:@", rest.at[i], 20))
            return false;
    return true;
}

struct slice own_login_url(struct request *request, struct slice path_and_query, bool anew) {
    struct slice url = arena_printf(request->arena, "%.*s/idp/login", SLICE_ARG(request->service->settings->issuer));
    const struct redirect_param params[] = {
        {"return_to", own_page_is_valid(path_and_query) ? path_and_query : SLICE("/account")},
        {"prompt", anew ? SLICE("login") : SLICE_NONE},
    };
    return redirect_build(request->arena, url, params, 2);
}

bool page_session(struct request *request, struct session *session, struct response *instead) {
    enum error error = session_from_cookie(request, session);
    if (!error)
        return true;
    bool reads = slice_is(request->method, "GET") || slice_is(request->method, "HEAD");
    struct slice here =
        reads && request->query_text.len
            ? arena_printf(request->arena, "%.*s?%.*s", SLICE_ARG(request->path), SLICE_ARG(request->query_text))
            : request->path;
    *instead = error == ERROR_UNAUTHENTICATED
                   ? response_redirect(reads ? 302 : 303, own_login_url(request, here, false))
                   : respond_error(request, error);
    return false;
}

bool page_form_session(struct request *request, struct session *session, struct response *instead) {
    if (!page_session(request, session, instead))
        return false;
    enum error error = csrf_form_check(request, session);
    if (error)
        *instead = respond_error(request, error);
    return !error;
}
