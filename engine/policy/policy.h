/* Policies: Lua files that return a table of pure functions, facts in, decision out. They run in an
 * allow-listed environment with a budget of time and memory; whatever goes wrong denies, is logged
 * with file:line, and never stops the server. The shapes are in design.md, "The policies' shapes".
 *
 * A policy_source is the text of all policy files, read at one moment; a policy is one thread's Lua state with that
 * text loaded and checked. Calls run on the loop's stack (fiber_hop inside) and never wait. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "base/buffer.h"
#include "base/value.h"

#include <stdatomic.h>

struct policy_source;
struct policy;

/* Budgets; 0 takes the default. */
struct policy_limits {
    int64_t call_ms;     /* per decision, default 20 */
    int64_t load_ms;     /* for loading the set, default 500 */
    size_t memory_bytes; /* of one state, default 8 MiB */
};

/* Reads *.lua of the directory and what they may require (lua/moonlatch, from library_dir). `config`, when
 * not NULL, is the file that stands in for settings.lua.
 * NULL with *error: "file:line: message" lines, one a problem. Immutable, shared by the workers. */
struct policy_source *policy_source_read(struct arena *arena, const char *directory, const char *library_dir,
                                         const char *config, struct slice *error);
void policy_source_free(struct policy_source *source);

enum { POLICY_VERSION_LEN = 12 };
/* Hex digits of a hash of all of its text: the same text is the same version. */
void policy_source_version(const struct policy_source *source, char version[POLICY_VERSION_LEN + 1]);

/* Loads and checks: every file compiles, returns a table, has its functions and data in the declared
 * shapes; unknown names are refused (a misspelt function must not be ignored). NULL with *error as
 * above. Deterministic: where it loads once it loads on every worker. */
struct policy *policy_open(struct arena *arena, const struct policy_source *source, const struct policy_limits *limits,
                           struct slice *error);
void policy_close(struct policy *policy);

/* settings.lua as a value (checked shape), in `arena`: for the command line before any worker. */
const struct value *policy_settings(struct policy *policy, struct arena *arena);

enum { POLICY_RESULTS_MAX = 2 };
/* The decision that was made last by this policy, until the next; in the arena of its call. For the audit log. */
struct policy_outcome {
    const char *function; /* "scopes.grant"; NULL: the policy leaves this to the server */
    /* What it returned; NULL where nothing is declared, or it failed. */
    const struct value *results[POLICY_RESULTS_MAX];
    struct slice error; /* "file:line: message" when it failed */
    int64_t took_ns;
};
const struct policy_outcome *policy_last(const struct policy *policy);

/* Any function by its name ("scopes.grant"), for an operator who asks what would be decided: neither counted nor
 * logged. `second` is NULL where it takes one argument. False when it failed, or there is none; then outcome->error
 * says why. */
bool policy_eval(struct policy *policy, struct arena *arena, struct slice name, const struct value *first,
                 const struct value *second, struct policy_outcome *outcome);

/* What came of a candidate in all threads that ask it. It must outlive them; zeroed at first. */
struct shadow_record {
    _Atomic int64_t decisions, differences, failures;
    _Atomic bool is_stopped; /* too many failed, or were slow: it is asked no more */
};
/* Before anybody asks: asks each function that is there what lua/moonlatch/cases.lua has for it, within the limits of a
 * call. False with *error ("file:line: message" lines) where one asks for a fact that it is never told, decides in
 * another shape, takes too long, or decides nothing at all; and where the scopes that are named are not there, or
 * twice. *notes: such lines of errors that it raised for some of the facts only, which may be meant. Neither counted
 * nor logged.
 */
bool policy_probe(struct policy *policy, struct arena *arena, struct slice *notes, struct slice *error);

/* From now on `candidate` (NULL: none) is asked the same as `policy`, on the same thread; where they differ it is
 * counted and logged, and nothing else comes of it. It is closed with `policy`, or by the next call. */
void policy_shadow_set(struct policy *policy, struct policy *candidate, struct shadow_record *record);
/* Data is read, not decided: a list of the names ("login.methods") of what the candidate has otherwise. From any thread
 * while there is one. */
struct value *policy_shadow_differences(struct arena *arena, const struct policy *policy);

/* Adds a histogram of the time of each function's calls, in all threads, in Prometheus text. */
void policy_metrics_write(struct buffer *buffer);

/* Runs the specs beside the policies. False with *error when the policies themselves do not load. */
struct policy_test_result {
    int64_t passed, failed;
    struct value *failures; /* list of { name, message }, the message with file:line */
};
bool policy_test(struct arena *arena, const struct policy_source *source, const struct policy_limits *limits,
                 struct policy_test_result *result, struct slice *error);

/* --- scopes.lua --- */

/* List of { name, description }, in the policy's order; lives as long as the policy. */
const struct value *policy_scope_catalog(struct policy *policy);
/* List of texts: the scopes when none is asked for. */
const struct value *policy_scope_default(struct policy *policy);
/* Words for a scope of the catalog or of a family; absent when the policy does not know it. */
struct slice policy_scope_describe(struct policy *policy, struct arena *arena, struct slice scope);

/* The decision of a yes-or-no question. When not allowed, reason is set (public text). */
struct verdict {
    bool allowed;
    struct slice reason;
};

struct verdict policy_may_register(struct policy *policy, struct arena *arena, const struct value *facts);
bool policy_permits(struct policy *policy, struct arena *arena, const struct value *scopes, const struct value *need);

struct grant_decision {
    bool granted;
    const struct value *scopes;  /* list of texts, when granted */
    struct slice denied, reason; /* which scope and why, when not */
};
struct grant_decision policy_grant(struct policy *policy, struct arena *arena, const struct value *facts);

/* --- consent.lua --- */
enum consent_choice { CONSENT_ASK, CONSENT_SKIP, CONSENT_DENY };
struct consent_decision {
    enum consent_choice choice;
    struct slice reason; /* when denied */
};
struct consent_decision policy_consent(struct policy *policy, struct arena *arena, const struct value *facts);
/* { title=, groups = { { title=, scopes = { { name, description, optional, checked } } } }, warnings = {…} }, where
 * each of facts.requested stands once; NULL when the policy failed, or made another page. */
const struct value *policy_consent_page(struct policy *policy, struct arena *arena, const struct value *facts);

/* --- apps.lua --- */
struct verdict policy_may_create(struct policy *policy, struct arena *arena, const struct value *facts);
/* May clients register themselves (RFC 7591)? Without the function: never. */
struct verdict policy_may_register_client(struct policy *policy, struct arena *arena, const struct value *facts);
/* Without the function in apps.lua: allowed. */
struct verdict policy_may_edit(struct policy *policy, struct arena *arena, const struct value *facts);
struct verdict policy_redirect_uri(struct policy *policy, struct arena *arena, const struct value *facts);

enum listing_order { LISTING_NEWEST, LISTING_NAME, LISTING_POPULAR };
/* Which apps a listing has: sets that do not overlap once `listed` and `unlisted` have been taken out of the others. */
struct listing_decision {
    bool listed;   /* active and public */
    bool unlisted; /* active and not public, of anybody: who may see all */
    bool own, shared;
    bool in_name, in_description, in_homepage_url; /* where a search looks; at least one */
    enum listing_order order;
    int64_t limit_max;       /* items on a page */
    int64_t listed_before_s; /* of the listed only what was made before; INT64_MAX: all */
};
/* False when the policy failed. Without the function: own, public and shared ones, the newest first. */
bool policy_listing(struct policy *policy, struct arena *arena, const struct value *facts,
                    struct listing_decision *decision);
/* The app as this viewer sees it; NULL when the policy failed. Without the function: as it is. */
struct value *policy_present(struct policy *policy, struct arena *arena, struct value *app, const struct value *viewer);

/* --- claims.lua --- a map of claims; NULL when the policy failed. */
/* Without the function: none. */
const struct value *policy_id_token(struct policy *policy, struct arena *arena, const struct value *facts);
const struct value *policy_userinfo(struct policy *policy, struct arena *arena, const struct value *facts);

/* --- tokens.lua --- seconds; false when the policy failed. */
struct lifetimes {
    int64_t access_s, refresh_s, id_s;
};
/* Without the function: opaque. False when the policy failed. */
enum token_format { TOKEN_FORMAT_OPAQUE, TOKEN_FORMAT_JWT };
bool policy_token_format(struct policy *policy, struct arena *arena, const struct value *facts,
                         enum token_format *format);
/* May tokens be made for that resource (RFC 8707)? Without the function: for any. */
struct verdict policy_resource(struct policy *policy, struct arena *arena, const struct value *facts);
/* May that token be exchanged (RFC 8693)? Without the function: never. */
struct verdict policy_exchange(struct policy *policy, struct arena *arena, const struct value *facts);
bool policy_lifetimes(struct policy *policy, struct arena *arena, const struct value *facts, struct lifetimes *out);

/* --- login.lua --- */
/* facts.user.sign_in.method is that of one factor. */
struct verdict policy_login(struct policy *policy, struct arena *arena, const struct value *facts);
/* How many attempts to sign in may fail, for an address and for an account, within a time that begins with the first of
 * them; 0 attempts: any number. */
struct login_limit {
    int64_t attempts, seconds;
};
struct login_limits {
    struct login_limit address, account;
};
struct login_limits policy_login_limits(struct policy *policy);
/* Whether the policy has second_factor, which needs to be told of passkeys. */
bool policy_has_second_factor(struct policy *policy);
/* Whether a passkey is also needed. One that fails needs it. */
bool policy_second_factor(struct policy *policy, struct arena *arena, const struct value *facts);
/* May a passkey be used whose count has not gone up? Without the function: no. */
bool policy_count_fell(struct policy *policy, struct arena *arena, const struct value *facts);
/* Whether a passkey must verify the person also as a second factor; alone it always must. */
bool policy_requires_user_verification(struct policy *policy);
/* List of texts: the ways offered on the login page. */
const struct value *policy_login_methods(struct policy *policy);
bool policy_offers_login(struct policy *policy, const char *method);

/* --- quotas.lua --- how many of each somebody may have; false when the policy failed. Without the function, or the
 * number: 100 apps, 10 redirect URIs of an app, 100 API keys, 20 passkeys, 100 sessions. */
struct quotas {
    int64_t apps, redirect_uris, api_keys, passkeys, sessions;
};
bool policy_quotas(struct policy *policy, struct arena *arena, const struct value *facts, struct quotas *quotas);

#endif
