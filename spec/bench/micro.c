/* One core, nothing around it: sr25519 verifications, and decisions of the default policies. Prints "NAME RATE" lines,
 * a second. */
#include "../crypto/vectors.h"
#include "base/clock.h"
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
    measure("policy_grant", grant);
    measure("policy_consent", decide);
    measure("policy_permits", permits);
    return 0;
}
