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

static bool is_whole_up_to(const struct value *time, int64_t most) {
    return !time || (time->kind != VALUE_INT && time->kind != VALUE_REAL) ||
           (time->kind == VALUE_INT ? time->integer <= most : time->real <= (double)most + 1);
}

static void fuzz(struct arena *arena, struct slice input) {
    struct request request = {.arena = arena,
                              .service = claims_service(),
                              .method = SLICE("POST"),
                              .path = SLICE("/idp/token"),
                              .id = "fuzz"};
    struct app app = {.app_id = SLICE("app")};
    struct value *header = value_map(arena), *claims = value_map(arena);
    value_set_text(arena, header, "alg", SLICE("EdDSA"));
    value_set_text(arena, claims, "iss", SLICE("cid_x"));
    value_set_text(arena, claims, "sub", SLICE("cid_x"));
    value_set_text(arena, claims, "aud", SLICE("https://id.example"));
    value_set_text(arena, claims, "jti", SLICE("one"));
    value_set_int(arena, claims, "exp", clock_now_s() + 60);
    struct slice signed_text = claims_sign(arena, header, claims, input);
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
        return;
    int64_t now_s = clock_now_s();
    const struct value *expires = value_get(jws.payload, "exp");
    FUZZ_CHECK(claims_were_spent && expires && (expires->kind == VALUE_INT || expires->kind == VALUE_REAL));
    FUZZ_CHECK(is_whole_up_to(expires, now_s + LIFETIME_MAX_S + SKEW_S));
    FUZZ_CHECK(is_whole_up_to(value_get(jws.payload, "nbf"), now_s + SKEW_S));
    FUZZ_CHECK(is_whole_up_to(value_get(jws.payload, "iat"), now_s + SKEW_S));
}
