/* DPoP proofs with a right signature and any claims: what is taken was made of late, for this request. */
#include "claims.h"

#include "../../engine/checks/dpop.c"

static void fuzz(struct arena *arena, struct slice input) {
    const struct service *service = claims_service();
    struct request request = {
        .arena = arena, .service = service, .method = SLICE("POST"), .path = SLICE("/idp/token"), .id = "fuzz"};
    char nonce[UUID_LEN + 1];
    nonce_mint(service->keyring, KEY_DPOP, clock_now_s() + service->settings->dpop_s, nonce);
    struct value *header = value_map(arena), *claims = value_map(arena);
    value_set_text(arena, header, "alg", SLICE("EdDSA"));
    value_set_text(arena, header, "typ", SLICE("dpop+jwt"));
    value_set_value(header, "jwk", jose_key_public(arena, claims_key()));
    value_set_text(arena, claims, "htm", request.method);
    value_set_text(arena, claims, "htu", SLICE("https://id.example/idp/token"));
    value_set_text(arena, claims, "jti", SLICE("one"));
    value_set_text(arena, claims, "nonce", slice_of(nonce));
    value_set_int(arena, claims, "iat", clock_now_s());
    request.dpop = claims_sign(arena, header, claims, input);
    if (!slice_is_set(request.dpop))
        return;
    struct slice jkt;
    claims_were_spent = false;
    enum error error = dpop_check(&request, SLICE_NONE, &jkt);
    FUZZ_CHECK(slice_is_set(jkt) == !error && slice_is_set(request.dpop_nonce));
    if (error)
        return;
    struct jws proof;
    FUZZ_CHECK(claims_were_spent && jws_parse(arena, request.dpop, &proof));
    const struct value *iat = value_get(proof.payload, "iat");
    int64_t age_max_s = service->settings->dpop_s + SKEW_S, now_s = clock_now_s();
    FUZZ_CHECK(iat->kind == VALUE_INT && iat->integer >= now_s - age_max_s - 2 && iat->integer <= now_s + SKEW_S);
    FUZZ_CHECK(slice_is(value_get_text(proof.payload, "htm"), "POST"));
}
