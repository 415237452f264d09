/* What a browser sends of a passkey: clientDataJSON, authenticator data and a public key. (attestation_fuzz.c: CBOR.)
 */
#include "fuzz.h"

#include "crypto/hex.h"
#include "crypto/webauthn.h"

#define ORIGIN "https://id.example"
#define RP_ID "id.example"

static struct slice challenge_of(struct arena *arena, struct slice text, const char *type) {
    const struct slice origin = SLICE(ORIGIN);
    return webauthn_challenge(arena, text, type, &origin, 1);
}

static void client_data_check(struct arena *arena, struct slice text) {
    struct slice challenge = challenge_of(arena, text, "webauthn.get");
    if (slice_is_set(challenge))
        FUZZ_CHECK(text.len > challenge.len && !slice_is_set(challenge_of(arena, text, "webauthn.create")));
}

/* The hash of the relying party in front, which no fuzzer finds. */
static struct slice addressed(struct arena *arena, struct slice rest) {
    char *data = arena_alloc(arena, crypto_hash_sha256_BYTES + rest.len);
    crypto_hash_sha256((unsigned char *)data, (const unsigned char *)RP_ID, strlen(RP_ID));
    memcpy(data + crypto_hash_sha256_BYTES, rest.at, rest.len);
    return (struct slice){data, crypto_hash_sha256_BYTES + rest.len};
}

static void authenticator_check(struct arena *arena, struct slice data) {
    struct webauthn_authenticator got;
    if (!webauthn_authenticator_read(arena, data, SLICE(RP_ID), &got))
        return;
    FUZZ_CHECK(!webauthn_authenticator_read(arena, data, SLICE("other.example"), &got));
    FUZZ_CHECK(webauthn_authenticator_read(arena, data, SLICE(RP_ID), &got));
    if (slice_is_set(got.credential_id))
        FUZZ_CHECK(got.credential_id.len && fuzz_is_inside(got.credential_id, data));
}

static void fuzz(struct arena *arena, struct slice input) {
    client_data_check(arena, input);
    authenticator_check(arena, input);
    authenticator_check(arena, addressed(arena, input));
    if (webauthn_key_is_valid(input))
        FUZZ_CHECK(!webauthn_signature_is_valid(arena, input, SLICE("data"), SLICE("{}"), SLICE("signature")));
}
