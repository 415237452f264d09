/* What a policy answers: whatever it is, through the shape of every function. It is accepted and then has its shape, or
 * it denies; and the next decision is made. The input is a Lua expression list, the results. */
#include "policies.h"

#include "base/json.h"
#include "policy/call.h"

static void typed_ask(struct policy *policy, struct arena *arena, const struct value *facts) {
    struct lifetimes lifetimes;
    struct listing_decision listing;
    enum token_format format;
    struct verdict verdicts[] = {
        policy_login(policy, arena, facts),        policy_may_create(policy, arena, facts),
        policy_may_edit(policy, arena, facts),     policy_redirect_uri(policy, arena, facts),
        policy_may_register(policy, arena, facts), policy_may_register_client(policy, arena, facts),
        policy_resource(policy, arena, facts),     policy_exchange(policy, arena, facts),
    };
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++)
        FUZZ_CHECK(verdicts[i].allowed || verdicts[i].reason.len);
    struct grant_decision grant = policy_grant(policy, arena, facts);
    FUZZ_CHECK(grant.granted ? grant.scopes != NULL : grant.reason.len > 0);
    struct consent_decision consent = policy_consent(policy, arena, facts);
    FUZZ_CHECK(consent.choice != CONSENT_DENY || consent.reason.len);
    const struct value *page = policy_consent_page(policy, arena, facts);
    FUZZ_CHECK(!page || value_get(page, "groups"));
    const struct value *claims = policy_userinfo(policy, arena, facts);
    FUZZ_CHECK(!claims || slice_is_set(value_get_text(claims, "sub")));
    policy_id_token(policy, arena, facts);
    policy_token_format(policy, arena, facts, &format);
    policy_permits(policy, arena, facts, facts);
    policy_second_factor(policy, arena, facts);
    struct slice words = policy_scope_describe(policy, arena, SLICE("b"));
    FUZZ_CHECK(!words.len || fuzz_is_clean(words));
    if (policy_listing(policy, arena, facts, &listing))
        FUZZ_CHECK(listing.limit_max >= 1 && listing.limit_max <= 100);
    struct quotas quotas;
    if (policy_quotas(policy, arena, facts, &quotas))
        FUZZ_CHECK(quotas.apps >= 0 && quotas.redirect_uris >= 0 && quotas.api_keys >= 0 && quotas.sessions >= 0);
    if (policy_lifetimes(policy, arena, facts, &lifetimes))
        FUZZ_CHECK(lifetimes.access_s > 0 && lifetimes.refresh_s > 0 && lifetimes.id_s > 0);
    struct value *seen = policy_present(policy, arena, value_copy(arena, facts), facts);
    if (seen) { /* it ends as JSON */
        struct buffer json = buffer_in(arena);
        json_write(&json, seen);
        FUZZ_CHECK(utf8_is_valid(buffer_slice(&json)));
    }
}

static void fuzz(struct arena *arena, struct slice input) {
    static const struct policy_limits limits = {.call_ms = 5, .load_ms = 100, .memory_bytes = 8 * 1024 * 1024};
    static struct policy_source *source;
    struct slice error = SLICE_NONE;
    if (!source)
        source = policies_read(false, "local function f() end");
    policies_answer(arena, source,
                    arena_printf(arena, "local function f(facts, more)\nreturn %.*s\nend", SLICE_ARG(input)).at);
    struct policy *policy = policy_open(arena, source, &limits, &error);
    FUZZ_CHECK(policy || error.len);
    if (policy) {
        struct value *facts = json_parse(
            arena, SLICE("{\"now\":1795694400,\"requested\":[\"a\"],\"user\":{\"user_id\":\"u\"},\"name\":null}"),
            NULL);
        typed_ask(policy, arena, facts);
        policy_close(policy);
    }
}
