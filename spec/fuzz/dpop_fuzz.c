/* DPoP proofs with a right signature and any claims: what is taken was made of late, for this request, is good now, and
 * what it spends is remembered long enough. */
#include "claims.h"

#include "../../engine/checks/dpop.c"

static struct value *good_claims(struct arena *arena, const struct request *request) {
    char nonce[UUID_LEN + 1];
    const struct service *service = request->service;
    nonce_mint(service->keyring, KEY_DPOP, clock_now_s() + service->settings->dpop_s, nonce);
    struct value *claims = value_map(arena);
    value_set_text(arena, claims, "htm", request->method);
    value_set_text(arena, claims, "htu", SLICE("https://id.example/idp/token"));
    value_set_text(arena, claims, "jti", SLICE("one"));
    value_set_text(arena, claims, "nonce", arena_copy(arena, slice_of(nonce)));
    value_set_int(arena, claims, "iat", clock_now_s());
    return claims;
}

static void taken_check(struct request *request, const struct dpop_proof *proof) {
    struct jws jws;
    FUZZ_CHECK(slice_is_set(proof->jkt) && slice_is_set(proof->id) && jws_parse(request->arena, request->dpop, &jws));
    FUZZ_CHECK(slice_equal(proof->jkt, jose_thumbprint(request->arena, value_get(jws.header, "jwk"))));
    double now_s = (double)clock_now_s(), ages_s = (double)request->service->settings->dpop_s + SKEW_S;
    FUZZ_CHECK(claims_time_is(jws.payload, "iat", now_s - ages_s, now_s + SKEW_S, false));
    FUZZ_CHECK(claims_time_is(jws.payload, "nbf", -INFINITY, now_s + SKEW_S, true));
    FUZZ_CHECK(claims_time_is(jws.payload, "exp", now_s - SKEW_S, INFINITY, true));
    FUZZ_CHECK(slice_is(value_get_text(jws.payload, "htm"), "POST"));
    FUZZ_CHECK(slice_starts(value_get_text(jws.payload, "htu"), "http"));
    FUZZ_CHECK(value_get_text(jws.payload, "jti").len);
    claims_were_spent = false;
    FUZZ_CHECK(dpop_spend(request, proof) == ERROR_NONE && claims_were_spent && request->is_proof_spent);
}

static void fuzz(struct arena *arena, struct slice input) {
    struct request request = {.arena = arena,
                              .service = claims_service(),
                              .method = SLICE("POST"),
                              .path = SLICE("/idp/token"),
                              .address = SLICE("192.0.2.1"),
                              .id = "fuzz"};
    struct value *header = value_map(arena);
    value_set_text(arena, header, "alg", SLICE("EdDSA"));
    value_set_text(arena, header, "typ", SLICE("dpop+jwt"));
    value_set_value(header, "jwk", jose_key_public(arena, claims_key()));
    request.dpop = claims_sign(arena, header, good_claims(arena, &request), input);
    if (!slice_is_set(request.dpop))
        return;
    struct dpop_proof proof;
    enum error error = dpop_check(&request, SLICE_NONE, &proof);
    FUZZ_CHECK(slice_is_set(request.dpop_nonce));
    FUZZ_CHECK(!error || (!slice_is_set(proof.jkt) && !slice_is_set(proof.id)));
    if (!error)
        taken_check(&request, &proof);
    struct dpop_proof other;
    FUZZ_CHECK(dpop_check(&request, SLICE("another token"), &other) ||
               value_get(json_parse(arena, input, NULL), "ath"));
}
