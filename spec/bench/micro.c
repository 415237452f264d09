/* One core, nothing around it: sr25519 verifications, JWS of an access token's size, and decisions of the default
 * policies. Prints "NAME RATE" lines, a second. */
#include "../crypto/vectors.h"
#include "base/clock.h"
#include "crypto/jose.h"
#include "crypto/sr25519.h"
#include "crypto/ss58.h"
#include "policy/policy.h"

#include <sodium.h>

enum { RUN_MS = 1000, STEP = 50 };

static struct arena arena;
static struct policy *policy;
static struct value *facts, *scopes, *need;

static struct slice message;
static unsigned char key[SR25519_KEY_SIZE], signature[SR25519_SIGNATURE_SIZE];

static bool verify(struct arena *own) {
    (void)own;
    return sr25519_verify(key, message, signature);
}

static enum jose_alg jws_alg;
static struct jose_key *jws_key;
static struct value *jws_jwk;
static struct slice jws_header, jws_payload;
static struct jws jws;

static bool jws_is_signed(struct arena *own) {
    return slice_is_set(jws_sign(own, jws_key, jws_alg, jws_header, jws_payload));
}

static bool jws_is_verified(struct arena *own) {
    (void)own;
    return jws_verify(&jws, jws_key);
}

static bool jwk_is_read(struct arena *own) {
    (void)own;
    struct jose_key *read = jose_key_from_jwk(jws_jwk);
    jose_key_free(read);
    return read;
}

static bool grant(struct arena *own) {
    return policy_grant(policy, own, facts).granted;
}

static bool permits(struct arena *own) {
    return policy_permits(policy, own, scopes, need);
}

static bool decide(struct arena *own) {
    return policy_consent(policy, own, facts).choice != CONSENT_DENY;
}

static void measure(const char *name, bool (*call)(struct arena *own)) {
    int64_t start_ms = clock_monotonic_ms(), count = 0;
    while (clock_monotonic_ms() - start_ms < RUN_MS) {
        for (int i = 0; i < STEP; i++, count++) {
            struct arena own;
            arena_init(&own);
            if (!call(&own)) {
                fprintf(stderr, "%s failed\n", name);
                exit(1);
            }
            arena_free(&own);
        }
    }
    printf("%s %lld\n", name, (long long)(count * 1000 / (clock_monotonic_ms() - start_ms)));
}

static void signature_read(void) {
    for (const struct value *one = vectors_read(&arena, "signatures")->first; one; one = one->next) {
        struct slice bytes = vector_bytes(&arena, value_get_text(one, "signature"));
        message = vector_bytes(&arena, value_get_text(one, "message"));
        if (bytes.len != sizeof(signature) || message.len < 30 || !ss58_decode(value_get_text(one, "address"), key))
            continue;
        memcpy(signature, bytes.at, sizeof(signature));
        if (verify(NULL))
            return;
    }
    exit(1);
}

static void jose_measure(enum jose_alg alg, const char *sign, const char *verify_name, const char *read) {
    jws_alg = alg;
    jws_key = jose_key_generate(alg);
    if (!jws_key)
        exit(1);
    jws_jwk = jose_key_public(&arena, jws_key);
    jws_header = arena_printf(&arena, "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", jose_alg_name(alg),
                              "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    jws_payload = SLICE("{\"iss\":\"https://idp.example.com\",\"sub\":\"0190a7f4-1b2c-7def-8123-456789abcdef\",\"aud\":"
                        "\"https://api.example.com\",\"client_id\":\"cid_0123456789abcdef01234567\",\"iat\":1795711069,"
                        "\"exp\":1795714669,\"jti\":\"0190a7f41b2c7def8123456789abcdef\",\"scope\":\"openid profile "
                        "account:read\"}");
    measure(sign, jws_is_signed);
    if (!jws_parse(&arena, jws_sign(&arena, jws_key, alg, jws_header, jws_payload), &jws))
        exit(1);
    measure(verify_name, jws_is_verified);
    measure(read, jwk_is_read);
    jose_key_free(jws_key);
}

int main(void) {
    struct slice error;
    if (sodium_init() < 0)
        return 1;
    arena_init(&arena);
    signature_read();
    struct policy_source *source =
        policy_source_read(&arena, MOONLATCH_HOME "/policies", MOONLATCH_HOME "/lua/moonlatch", NULL, &error);
    policy = source ? policy_open(&arena, source, NULL, &error) : NULL;
    if (!policy)
        return 1;
    facts = json_parse(&arena,
                       SLICE("{\"now\":1795711069,\"request\":{\"address\":\"127.0.0.1\"},\"user\":{\"user_id\":"
                             "\"u\",\"username\":\"alice\",\"roles\":[]},\"app\":{\"app_id\":\"a\",\"name\":\"App\","
                             "\"allowed_scopes\":[\"chutes:write\"]},\"requested\":[\"openid\",\"profile\","
                             "\"chutes:write\"],\"grant_type\":\"authorization_code\"}"),
                       NULL);
    scopes = json_parse(&arena, SLICE("[\"openid\",\"profile\",\"account:read\"]"), NULL);
    need = json_parse(&arena, SLICE("{\"type\":\"account\",\"action\":\"read\"}"), NULL);
    measure("sr25519_verify", verify);
    jose_measure(JOSE_ES256, "jws_es256_sign", "jws_es256_verify", "jwk_es256_read");
    jose_measure(JOSE_EDDSA, "jws_eddsa_sign", "jws_eddsa_verify", "jwk_eddsa_read");
    jose_measure(JOSE_RS256, "jws_rs256_sign", "jws_rs256_verify", "jwk_rs256_read");
    measure("policy_grant", grant);
    measure("policy_consent", decide);
    measure("policy_permits", permits);
    return 0;
}
