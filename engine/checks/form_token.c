#include "checks/form_token.h"

#include "base/clock.h"
#include "checks/csrf.h"
#include "checks/sealed.h"
#include "crypto/random.h"
#include "server/route.h"

enum { BROWSER_LEN = 22, GOOD_FOR_S = 3600 };

#define LOAD_AGAIN "This page is too old, or was made for another browser. Go back, load it again, and try once more."
static const struct sealed_kind kind = {
    KEY_FORM, ERROR_FORBIDDEN, LOAD_AGAIN, LOAD_AGAIN, {{"browser", VALUE_TEXT}, {"action", VALUE_TEXT}}};

static const char *cookie_name(const struct request *request) {
    return request->service->settings->issuer_is_https ? "__Host-moonlatch-form" : "moonlatch-form";
}

/* Several tabs of a browser share one; absent when it has none. */
static struct slice browser_of(const struct request *request) {
    struct slice browser = cookie_get(request->cookie, cookie_name(request));
    return browser.len == BROWSER_LEN ? browser : SLICE_NONE;
}

static struct slice browser_make(struct arena *arena) {
    char text[BROWSER_LEN + 1];
    random_base62(text, BROWSER_LEN);
    return arena_copy(arena, slice_of(text));
}

static struct slice token_make(struct request *request, struct slice browser, const char *action) {
    struct value *sealed = value_map(request->arena);
    value_set_text(request->arena, sealed, "browser", browser);
    value_set_text(request->arena, sealed, "action", slice_of(action));
    return sealed_make(request, &kind, sealed, clock_now_s() + GOOD_FOR_S);
}

struct response form_page(struct request *request, int status, const char *page, struct value *context,
                          const char *action, struct slice target) {
    struct slice browser = browser_of(request);
    if (!slice_is_set(browser))
        browser = browser_make(request->arena);
    value_set_text(request->arena, context, "form_token", token_make(request, browser, action));
    struct response response = response_page(request, status, page, context, target);
    response_cookie(request, &response, cookie_name(request), browser, GOOD_FOR_S);
    return response;
}

static enum error token_check(struct request *request) {
    struct slice browser = browser_of(request);
    const struct value *sealed;
    int64_t expires_at_s;
    enum error error = sealed_open(request, &kind, params_get(&request->form, "csrf_token"), &sealed, &expires_at_s);
    if (error)
        return error;
    return slice_is_set(browser) && slice_equal(value_get_text(sealed, "browser"), browser) &&
                   slice_is(value_get_text(sealed, "action"), request->route->path)
               ? ERROR_NONE
               : fail(request, kind.error, "%s", kind.not_ours);
}

enum error form_check(struct request *request) {
    enum error error = csrf_check(request);
    bool is_told =
        slice_is_set(request->sec_fetch_site) || (slice_is_set(request->origin) && !slice_is(request->origin, "null"));
    if (error || is_told)
        return error;
    bool has_seen_page = slice_is_set(cookie_get(request->cookie, cookie_name(request)));
    return slice_is_set(request->origin) || has_seen_page ? token_check(request) : ERROR_NONE;
}
