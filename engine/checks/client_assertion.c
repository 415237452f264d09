#include "checks/client_assertion.h"

#include "base/clock.h"
#include "checks/client_keys.h"
#include "checks/spend.h"
#include "crypto/hex.h"
#include "registry/ceilings.h"

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

enum { LIFETIME_MAX_S = 3600, SKEW_S = 30, JTI_LEN_MAX = 256 };

enum error client_assertion_read(struct request *request, struct jws *jws, struct slice *client_id) {
    if (!slice_is(params_get(&request->form, "client_assertion_type"), ASSERTION_TYPE))
        return fail(request, ERROR_INVALID_CLIENT, "client_assertion_type must be " ASSERTION_TYPE ".");
    if (!jws_parse(request->arena, params_get(&request->form, "client_assertion"), jws))
        return fail(request, ERROR_INVALID_CLIENT, "client_assertion is not a JWT with an algorithm of ours.");
    *client_id = value_get_text(jws->payload, "sub");
    if (!slice_is_set(*client_id) || !slice_equal(*client_id, value_get_text(jws->payload, "iss")))
        return fail(request, ERROR_INVALID_CLIENT, "client_assertion must name the client in iss and sub.");
    return ERROR_NONE;
}

/* One audience, and it is us: who accepts several may be handed an assertion that was made for somebody else. */
static bool is_for_us(struct request *request, const struct value *audience) {
    struct slice issuer = request->service->settings->issuer;
    if (audience && audience->kind == VALUE_LIST && audience->count == 1)
        audience = audience->first;
    if (!audience || audience->kind != VALUE_TEXT)
        return false;
    return slice_equal(audience->text, issuer) ||
           slice_equal(audience->text, arena_printf(request->arena, "%.*s/idp/token", SLICE_ARG(issuer))) ||
           slice_equal(audience->text,
                       arena_printf(request->arena, "%.*s%.*s", SLICE_ARG(issuer), SLICE_ARG(request->path)));
}

/* *expires_at_s is set when it is good. */
static enum error times_check(struct request *request, const struct value *claims, int64_t *expires_at_s) {
    int64_t now_s = clock_now_s(), begins_s, made_s;
    if (!jwt_time_read(claims, "exp", 0, expires_at_s) || !jwt_time_read(claims, "nbf", now_s, &begins_s) ||
        !jwt_time_read(claims, "iat", now_s, &made_s))
        return fail(request, ERROR_INVALID_CLIENT, "client_assertion's exp, nbf and iat must be numbers.");
    if (*expires_at_s <= now_s - SKEW_S)
        return fail(request, ERROR_INVALID_CLIENT, "client_assertion has expired.");
    if (*expires_at_s > now_s + LIFETIME_MAX_S + SKEW_S)
        return fail(request, ERROR_INVALID_CLIENT, "client_assertion may be good for %d seconds at most.",
                    LIFETIME_MAX_S);
    if (begins_s > now_s + SKEW_S || made_s > now_s + SKEW_S)
        return fail(request, ERROR_INVALID_CLIENT, "client_assertion is of the future.");
    return ERROR_NONE;
}

static enum error use(struct request *request, const struct app *app, const struct value *claims,
                      int64_t expires_at_s) {
    struct slice jti = value_get_text(claims, "jti");
    if (!jti.len || jti.len > JTI_LEN_MAX)
        return fail(request, ERROR_INVALID_CLIENT, "client_assertion has no jti, or a longer one than %d characters.",
                    JTI_LEN_MAX);
    struct slice id = arena_printf(request->arena, "assertion:%.*s:%.*s", SLICE_ARG(app->app_id),
                                   SLICE_ARG(sha256_base64url(request->arena, jti)));
    bool is_first;
    enum error error = ceiling_proof_check(request, app->app_id);
    if (!error)
        error = spend(request, id, expires_at_s + 2 * SKEW_S, &is_first);
    if (!error && !is_first)
        return fail(request, ERROR_INVALID_CLIENT, "client_assertion has been used already.");
    return error;
}

enum error client_assertion_check(struct request *request, struct app *app, const struct jws *jws) {
    if (!is_for_us(request, value_get(jws->payload, "aud")))
        return fail(request, ERROR_INVALID_CLIENT, "client_assertion's aud must be %.*s.",
                    SLICE_ARG(request->service->settings->issuer));
    int64_t expires_at_s;
    enum error error = client_jws_verify(request, app, jws);
    if (error || (error = times_check(request, jws->payload, &expires_at_s)))
        return error;
    return use(request, app, jws->payload, expires_at_s);
}
