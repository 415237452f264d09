/* "Try signing in" (--demo): the server as its own client. It runs the real flow, over the real routes, and shows
 * what a client would see. */
#include "endpoints/endpoints.h"

#include "base/json.h"
#include "checks/redirect_uri.h"
#include "cli/demo.h"
#include "crypto/hex.h"
#include "crypto/random.h"
#include "crypto/secret.h"

#define DEMO_COOKIE "moonlatch-demo"

enum { STATE_LEN = 32, DEMO_COOKIE_S = 600 };

const struct field demo_back_fields[] = {
    {"code", FIELD_TEXT, 0, 0, 0, NULL},
    {"state", FIELD_TEXT, 0, 0, 0, NULL},
    {"iss", FIELD_TEXT, 0, 0, 0, NULL},
    {"error", FIELD_TEXT, 0, 0, 0, NULL},
    {0},
};

/* The PKCE verifier follows from the state, so that nothing has to be kept: nobody else can compute it. */
static struct slice verifier_of(struct request *request, struct slice state) {
    unsigned char hash[SECRET_HASH_SIZE];
    secret_hash(request->service->keyring, arena_printf(request->arena, "demo:%.*s", SLICE_ARG(state)), hash);
    return base64url_encode(request->arena, (struct slice){(const char *)hash, sizeof(hash)});
}

static struct slice callback_url(struct request *request) {
    return arena_printf(request->arena, "%.*s/demo/callback", SLICE_ARG(request->service->settings->issuer));
}

struct response endpoint_demo(struct request *request) {
    if (!request->service->settings->demo)
        return respond_error(request, ERROR_NOT_FOUND);
    char random[STATE_LEN + 1];
    random_base62(random, STATE_LEN);
    struct slice state = arena_copy(request->arena, slice_of(random));
    const struct redirect_param params[] = {
        {"response_type", SLICE("code")},
        {"client_id", SLICE(DEMO_CLIENT_ID)},
        {"redirect_uri", callback_url(request)},
        {"scope", SLICE("openid profile account:read")},
        {"state", state},
        {"code_challenge", sha256_base64url(request->arena, verifier_of(request, state))},
        {"code_challenge_method", SLICE("S256")},
    };
    struct slice authorize =
        arena_printf(request->arena, "%.*s/idp/authorize", SLICE_ARG(request->service->settings->issuer));
    struct response response =
        response_redirect(302, redirect_build(request->arena, authorize, params, sizeof(params) / sizeof(*params)));
    response_cookie(request, &response, DEMO_COOKIE, state, DEMO_COOKIE_S);
    return response;
}

/* A request to a route of this server, as a client would send it. */
static struct slice ask(struct request *request, const char *method, const char *path, struct slice body,
                        struct slice bearer) {
    struct request *inner = arena_zalloc(request->arena, sizeof(*inner));
    *inner = (struct request){
        .arena = request->arena,
        .service = request->service,
        .method = slice_of(method),
        .path = slice_of(path),
        .body = body,
        .content_type = body.len ? SLICE("application/x-www-form-urlencoded") : SLICE_NONE,
        .address = request->address,
    };
    memcpy(inner->id, request->id, sizeof(inner->id));
    if (slice_is_set(bearer))
        inner->authorization = arena_printf(request->arena, "Bearer %.*s", SLICE_ARG(bearer));
    return route_run(inner).body;
}

static void add_step(struct request *request, struct value *steps, const char *title, struct slice code) {
    struct value *step = value_map(request->arena);
    value_set_text(request->arena, step, "title", slice_of(title));
    value_set_text(request->arena, step, "code", code);
    value_append(steps, step);
}

/* "name=value&…" without the "?" that redirect_build puts first. */
static struct slice form_of(struct request *request, const struct redirect_param *params, size_t count) {
    return slice_from(redirect_build(request->arena, SLICE(""), params, count), 1);
}

static struct response result_page(struct request *request, struct slice code, struct slice state) {
    struct arena *arena = request->arena;
    const struct redirect_param exchange[] = {
        {"grant_type", SLICE("authorization_code")},    {"client_id", SLICE(DEMO_CLIENT_ID)},
        {"redirect_uri", callback_url(request)},        {"code", code},
        {"code_verifier", verifier_of(request, state)},
    };
    struct value *context = value_map(arena), *steps = value_list(arena), *user = value_map(arena);
    struct slice tokens = ask(request, "POST", "/idp/token",
                              form_of(request, exchange, sizeof(exchange) / sizeof(*exchange)), SLICE_NONE);
    add_step(request, steps, "POST /idp/token", tokens);
    struct slice access = value_get_text(json_parse(arena, tokens, NULL), "access_token");
    if (slice_is_set(access)) {
        const struct redirect_param token = {"token", access};
        add_step(request, steps, "POST /idp/token/introspect",
                 ask(request, "POST", "/idp/token/introspect", form_of(request, &token, 1), SLICE_NONE));
        struct slice claims = ask(request, "GET", "/idp/userinfo", SLICE_NONE, access);
        add_step(request, steps, "GET /idp/userinfo", claims);
        value_set_text(arena, user, "username", value_get_text(json_parse(arena, claims, NULL), "username"));
    }
    value_set_text(arena, context, "title", slice_is_set(access) ? SLICE("Signed in") : SLICE("That did not work"));
    value_set_value(context, "user", user);
    value_set_text(arena, context, "message",
                   SLICE("This server just was its own client: it redeemed the code that it got, and asked about the "
                         "token."));
    value_set_value(context, "steps", steps);
    return response_page(request, 200, "signed_in", context, SLICE_NONE);
}

struct response endpoint_demo_back(struct request *request) {
    if (!request->service->settings->demo)
        return respond_error(request, ERROR_NOT_FOUND);
    struct slice state = params_get(&request->query, "state"), code = params_get(&request->query, "code");
    struct slice expected = cookie_get(request->cookie, DEMO_COOKIE);
    if (!slice_is_set(state) || !slice_is_set(expected) || !secret_equal(state, expected))
        return respond_error(request,
                             fail(request, ERROR_BAD_REQUEST, "This sign-in was not started in this browser."));
    if (!slice_is_set(code))
        return respond_error(request, fail(request, ERROR_ACCESS_DENIED, "The sign-in was not approved."));
    return result_page(request, code, state);
}
