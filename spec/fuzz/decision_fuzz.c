/* What a policy answers: whatever it is, through the shape of every function. It is accepted and then has its shape, or
 * it denies; and the next decision is made. The input is a Lua expression list, the results. */
#include "fuzz.h"

#include "base/json.h"
#include "policy/call.h"
#include "policy/policy.h"
#include "policy/source.h"

#include "base/log.h"

/* Every function answers the input. */
static const char *const files[][2] = {
    {"login", "methods = { 'hotkey' }, allow = f, second_factor = f"},
    {"consent", "decide = f, page = f"},
    {"claims", "userinfo = f, id_token = f"},
    {"tokens", "lifetimes = f, format = f, resource = f, exchange = f"},
    {"apps", "may_create = f, may_edit = f, redirect_uri = f, listing = f, present = f, may_register = f"},
    {"scopes", "catalog = { { name = 'a', description = 'b' } }, default = { 'a' }, describe = f, may_register = f, "
               "grant = f, permits = f, privileged = f"},
};

static void files_replace(struct arena *arena, struct policy_source *source, struct slice input) {
    for (struct source_file *file = source->first; file; file = file->next)
        for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
            if (slice_is_set(file->policy) && slice_is(file->policy, files[i][0]))
                file->text = arena_printf(arena, "local function f(facts, more)\nreturn %.*s\nend return { %s }",
                                          SLICE_ARG(input), files[i][1]);
}

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
    struct slice error = SLICE_NONE;
    log_level_set(LOG_ERROR);
    struct policy_source *source =
        policy_source_read(arena, MOONLATCH_HOME "/policies", MOONLATCH_HOME "/lua/moonlatch", NULL, &error);
    FUZZ_CHECK(source);
    files_replace(arena, source, input);
    struct policy *policy = policy_open(arena, source, &limits, &error);
    FUZZ_CHECK(policy || error.len);
    if (policy) {
        struct value *facts = json_parse(
            arena, SLICE("{\"now\":1795694400,\"requested\":[\"a\"],\"user\":{\"user_id\":\"u\"},\"name\":null}"),
            NULL);
        typed_ask(policy, arena, facts);
        policy_close(policy);
    }
    policy_source_free(source);
}
