#include "checks/csrf.h"

#include "checks/redirect_uri.h"
#include "crypto/hex.h"
#include "crypto/secret.h"

#include <sodium.h>

enum { TOKEN_SIZE = 24 };

enum error csrf_check(struct request *request) {
    struct slice site = request->sec_fetch_site, origin = request->origin;
    struct slice ours = uri_origin(request->arena, request->service->settings->issuer);
    if (slice_is_set(site) && !slice_is(site, "same-origin") && !slice_is(site, "none"))
        return fail(request, ERROR_FORBIDDEN, "This form was sent by another site.");
    if (slice_is_set(origin) && !slice_is(origin, "null") && !slice_equal(origin, ours) && !slice_is_set(site))
        return fail(request, ERROR_FORBIDDEN, "This form was sent by another site.");
    return ERROR_NONE;
}

struct slice csrf_token(struct request *request, const struct session *session) {
    unsigned char mac[TOKEN_SIZE];
    crypto_generichash(mac, sizeof(mac), (const unsigned char *)session->browser_id.at, session->browser_id.len,
                       keyring_key(request->service->keyring, KEY_CSRF), KEY_SIZE);
    return base64url_encode(request->arena, (struct slice){(const char *)mac, sizeof(mac)});
}

enum error csrf_form_check(struct request *request, const struct session *session) {
    enum error error = csrf_check(request);
    if (error)
        return error;
    struct slice token = params_get(&request->form, "csrf_token");
    if (!slice_is_set(token) || !secret_equal(token, csrf_token(request, session)))
        return fail(request, ERROR_FORBIDDEN, "This page belongs to another sign-in. Load it again.");
    return ERROR_NONE;
}

enum error csrf_token_check(struct request *request, const struct session *session) {
    if (slice_is_set(request->csrf_token) && secret_equal(request->csrf_token, csrf_token(request, session)))
        return ERROR_NONE;
    return fail(request, ERROR_UNAUTHENTICATED,
                "With the cookie alone, a change needs the page's X-CSRF-Token; or send the token as Bearer.");
}
