#include "checks/dpop.h"

#include "base/clock.h"
#include "checks/redirect_uri.h"
#include "checks/spend.h"
#include "crypto/hex.h"
#include "crypto/jose.h"
#include "crypto/nonce.h"
#include "crypto/secret.h"
#include "registry/ceilings.h"

enum { JTI_LEN_MAX = 256, SKEW_S = 30 };

static void nonce_offer(struct request *request) {
    char nonce[UUID_LEN + 1];
    nonce_mint(request->service->keyring, KEY_DPOP, clock_now_s() + request->service->settings->dpop_s, nonce);
    request->dpop_nonce = arena_copy(request->arena, slice_of(nonce));
}

/* Header: its type, and the public key that it was signed with (§4.3, 4 to 7). */
static enum error key_check(struct request *request, const struct jws *proof, struct slice *jkt) {
    const struct value *jwk = value_get(proof->header, "jwk");
    if (!slice_is(proof->typ, "dpop+jwt"))
        return fail(request, ERROR_INVALID_DPOP_PROOF, "The DPoP proof's typ is not dpop+jwt.");
    if (!jwk || jwk->kind != VALUE_MAP || jose_jwk_is_private(jwk))
        return fail(request, ERROR_INVALID_DPOP_PROOF, "The DPoP proof's jwk is not a public key.");
    struct jose_key *key = jose_key_from_jwk(jwk);
    if (!key)
        return fail(request, ERROR_INVALID_DPOP_PROOF, "The DPoP proof's jwk is of no kind that is supported.");
    bool is_signed = jws_verify(proof, key);
    jose_key_free(key);
    *jkt = jose_thumbprint(request->arena, jwk);
    return is_signed ? ERROR_NONE : fail(request, ERROR_INVALID_DPOP_PROOF, "The DPoP proof's signature is not right.");
}

/* What the proof is for (§4.3, 8 to 10, 12). */
static enum error target_check(struct request *request, const struct value *claims, struct slice token) {
    struct slice here = uri_target(request->arena, arena_printf(request->arena, "%.*s%.*s",
                                                                SLICE_ARG(request->service->settings->issuer),
                                                                SLICE_ARG(request->path)));
    struct slice htu = uri_target(request->arena, value_get_text(claims, "htu"));
    if (!slice_equal(value_get_text(claims, "htm"), request->method))
        return fail(request, ERROR_INVALID_DPOP_PROOF, "The DPoP proof is for another method (htm).");
    if (!slice_is_set(htu) || !slice_equal(htu, here))
        return fail(request, ERROR_INVALID_DPOP_PROOF, "The DPoP proof is for another URL (htu).");
    if (slice_is_set(token) && !secret_equal(value_get_text(claims, "ath"), sha256_base64url(request->arena, token)))
        return fail(request, ERROR_INVALID_DPOP_PROOF, "The DPoP proof is for another access token (ath).");
    return ERROR_NONE;
}

/* When it was made (§4.3, 10 and 11): with a nonce of ours, of late; and no sooner or later than it says itself. */
static enum error time_check(struct request *request, const struct value *claims) {
    int64_t now_s = clock_now_s(), oldest_s = now_s - request->service->settings->dpop_s - SKEW_S;
    int64_t made_s, begins_s, ends_s, nonce_expires_at_s;
    if (!jwt_time_read(claims, "iat", -JWT_TIME_MAX, &made_s) ||
        !jwt_time_read(claims, "nbf", -JWT_TIME_MAX, &begins_s) || !jwt_time_read(claims, "exp", JWT_TIME_MAX, &ends_s))
        return fail(request, ERROR_INVALID_DPOP_PROOF, "The DPoP proof's iat, nbf and exp must be numbers.");
    if (made_s < oldest_s || made_s > now_s + SKEW_S)
        return fail(request, ERROR_INVALID_DPOP_PROOF, "The DPoP proof's iat is not of now.");
    if (begins_s > now_s + SKEW_S || ends_s <= now_s - SKEW_S)
        return fail(request, ERROR_INVALID_DPOP_PROOF, "The DPoP proof is not good now (nbf, exp).");
    if (!nonce_is_valid(request->service->keyring, KEY_DPOP, value_get_text(claims, "nonce"), now_s,
                        &nonce_expires_at_s))
        return fail(request, ERROR_USE_DPOP_NONCE, NULL);
    return ERROR_NONE;
}

/* Of one key no two proofs have one jti (§11.1). */
static enum error id_make(struct request *request, const struct value *claims, struct dpop_proof *proof) {
    struct slice jti = value_get_text(claims, "jti");
    if (!jti.len || jti.len > JTI_LEN_MAX)
        return fail(request, ERROR_INVALID_DPOP_PROOF, "The DPoP proof has no jti, or a longer one than %d characters.",
                    JTI_LEN_MAX);
    proof->id = arena_printf(request->arena, "dpop:%.*s:%.*s", SLICE_ARG(proof->jkt),
                             SLICE_ARG(sha256_base64url(request->arena, jti)));
    return ERROR_NONE;
}

enum error dpop_check(struct request *request, struct slice token, struct dpop_proof *proof) {
    struct jws jws;
    struct dpop_proof read = {0};
    *proof = read;
    if (!slice_is_set(request->dpop))
        return ERROR_NONE;
    nonce_offer(request);
    if (!jws_parse(request->arena, request->dpop, &jws))
        return fail(request, ERROR_INVALID_DPOP_PROOF, "The DPoP header is not a JWT with an algorithm of ours.");
    enum error error = key_check(request, &jws, &read.jkt);
    if (error || (error = target_check(request, jws.payload, token)) || (error = time_check(request, jws.payload)) ||
        (error = id_make(request, jws.payload, &read)))
        return error;
    *proof = read;
    return ERROR_NONE;
}

enum error dpop_spend(struct request *request, const struct dpop_proof *proof) {
    if (!slice_is_set(proof->jkt))
        return ERROR_NONE;
    request->is_proof_spent = true;
    bool is_first;
    enum error error = ceiling_proof_check(request, proof->jkt);
    if (error || (error = spend(request, proof->id, clock_now_s() + 2 * (request->service->settings->dpop_s + SKEW_S),
                                &is_first)))
        return error;
    return is_first ? ERROR_NONE : fail(request, ERROR_INVALID_DPOP_PROOF, "The DPoP proof has been used already.");
}
