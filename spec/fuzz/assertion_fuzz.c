/* Clients' assertions with any claims, as if their signature were right: what is taken is for us, for now, and for no
 * longer than the rule says. */
#include "claims.h"

#include "checks/client_keys.h"

static enum error is_signed(struct request *request, struct app *app, const struct jws *jws) {
    (void)request;
    (void)app;
    return jws_verify(jws, claims_key()) ? ERROR_NONE : ERROR_INVALID_CLIENT;
}
#define client_jws_verify is_signed
#include "../../engine/checks/client_assertion.c"

static struct value *good_claims(struct arena *arena) {
    struct value *claims = value_map(arena);
    value_set_text(arena, claims, "iss", SLICE("cid_x"));
    value_set_text(arena, claims, "sub", SLICE("cid_x"));
    value_set_text(arena, claims, "aud", SLICE("https://id.example"));
    value_set_text(arena, claims, "jti", SLICE("one"));
    value_set_int(arena, claims, "exp", clock_now_s() + 60);
    return claims;
}

static void taken_check(const struct value *claims) {
    double now_s = (double)clock_now_s();
    const struct value *audience = value_get(claims, "aud");
    FUZZ_CHECK(claims_were_spent && value_get_text(claims, "jti").len);
    FUZZ_CHECK(claims_time_is(claims, "exp", now_s - SKEW_S, now_s + LIFETIME_MAX_S + SKEW_S, false));
    FUZZ_CHECK(claims_time_is(claims, "nbf", -INFINITY, now_s + SKEW_S, true));
    FUZZ_CHECK(claims_time_is(claims, "iat", -INFINITY, now_s + SKEW_S, true));
    FUZZ_CHECK(audience->kind == VALUE_TEXT || (audience->kind == VALUE_LIST && audience->count == 1));
}

static void fuzz(struct arena *arena, struct slice input) {
    struct request request = {.arena = arena,
                              .service = claims_service(),
                              .method = SLICE("POST"),
                              .path = SLICE("/idp/token"),
                              .address = SLICE("192.0.2.1"),
                              .id = "fuzz"};
    struct app app = {.app_id = SLICE("app")};
    struct value *header = value_map(arena);
    value_set_text(arena, header, "alg", SLICE("EdDSA"));
    struct slice signed_text = claims_sign(arena, header, good_claims(arena), input);
    if (!slice_is_set(signed_text))
        return;
    struct param params[] = {{.name = SLICE("client_assertion_type"), .value = SLICE(ASSERTION_TYPE)},
                             {.name = SLICE("client_assertion"), .value = signed_text}};
    request.form = (struct params){.list = params, .count = 2};
    struct jws jws;
    struct slice client_id;
    claims_were_spent = false;
    if (client_assertion_read(&request, &jws, &client_id))
        return;
    FUZZ_CHECK(slice_is_set(client_id));
    if (client_assertion_check(&request, &app, &jws))
        FUZZ_CHECK(!claims_were_spent); /* what is refused leaves no row */
    else
        taken_check(jws.payload);
}
