#include "policy/declared.h"

enum { DAY_S = 86400, YEAR_S = 366 * DAY_S };

#define LAST \
    { .name = NULL }

static const struct shape yes_or_no = {.kind = SHAPE_BOOL};
static const struct shape words_or_nil = {.kind = SHAPE_TEXT, .optional = true, .max = 1000};
static const struct shape words = {.kind = SHAPE_TEXT, .max = 1000};
static const struct shape scope_name = {.kind = SHAPE_NAME};
static const struct shape_field no_fields[] = {LAST};
static const struct shape any_map = {.kind = SHAPE_MAP, .open = true, .fields = no_fields};

/* What holds where a function is left out. */
static const struct value yes = {.kind = VALUE_BOOL, .boolean = true};
static const struct value no = {.kind = VALUE_BOOL};
static const struct value opaque = {.kind = VALUE_TEXT, .text = {"opaque", 6}};
static const struct value nothing = {.kind = VALUE_MAP};
static struct value listing_shared = {.kind = VALUE_BOOL, .boolean = true, .name = {"shared", 6}};
static struct value listing_public = {
    .kind = VALUE_BOOL, .boolean = true, .name = {"public", 6}, .next = &listing_shared};
static struct value listing_own = {.kind = VALUE_BOOL, .boolean = true, .name = {"own", 3}, .next = &listing_public};
static const struct value listing_usual = {
    .kind = VALUE_MAP, .count = 3, .first = &listing_own, .last = &listing_shared};

/* --- scopes.lua --- */

static const struct shape_field catalog_fields[] = {
    {"name", {.kind = SHAPE_NAME}},
    {"description", {.kind = SHAPE_TEXT, .max = 1000}},
    {"privileged", {.kind = SHAPE_BOOL, .optional = true}},
    LAST,
};
static const struct shape catalog_entry = {.kind = SHAPE_MAP, .fields = catalog_fields};
static const struct shape catalog = {.kind = SHAPE_LIST, .item = &catalog_entry, .min = 1, .max = 500};
static const struct shape default_scopes = {.kind = SHAPE_LIST, .item = &scope_name, .min = 1, .max = 64};

/* Either granted, or denied and reason (call.c sees to that). */
static const struct shape_field grant_fields[] = {
    {"granted", {.kind = SHAPE_LIST, .item = &scope_name, .max = 256, .optional = true}},
    {"denied", {.kind = SHAPE_NAME, .optional = true}},
    {"reason", {.kind = SHAPE_TEXT, .max = 1000, .optional = true}},
    LAST,
};
static const struct shape grant = {.kind = SHAPE_MAP, .fields = grant_fields};

/* --- consent.lua --- */

static const struct shape consent_choice = {.kind = SHAPE_CHOICE, .choices = "ask skip deny"};

static const struct shape_field consent_scope_fields[] = {
    {"name", {.kind = SHAPE_NAME}},
    {"description", {.kind = SHAPE_TEXT, .max = 1000}},
    {"optional", {.kind = SHAPE_BOOL, .optional = true}},
    {"checked", {.kind = SHAPE_BOOL, .optional = true}},
    LAST,
};
static const struct shape consent_scope = {.kind = SHAPE_MAP, .fields = consent_scope_fields};
static const struct shape_field consent_group_fields[] = {
    {"title", {.kind = SHAPE_TEXT, .max = 200}},
    {"scopes", {.kind = SHAPE_LIST, .item = &consent_scope, .max = 256}},
    LAST,
};
static const struct shape consent_group = {.kind = SHAPE_MAP, .fields = consent_group_fields};
static const struct shape_field consent_page_fields[] = {
    {"title", {.kind = SHAPE_TEXT, .max = 200}},
    {"groups", {.kind = SHAPE_LIST, .item = &consent_group, .max = 64}},
    {"warnings", {.kind = SHAPE_LIST, .item = &words, .max = 64, .optional = true}},
    LAST,
};
static const struct shape consent_page = {.kind = SHAPE_MAP, .fields = consent_page_fields};

/* --- apps.lua --- */

static const struct shape search_column = {.kind = SHAPE_CHOICE, .choices = "name description homepage_url"};
static const struct shape_field listing_fields[] = {
    {"own", {.kind = SHAPE_BOOL, .optional = true}},
    {"public", {.kind = SHAPE_BOOL, .optional = true}},
    {"shared", {.kind = SHAPE_BOOL, .optional = true}},
    {"all", {.kind = SHAPE_BOOL, .optional = true}},
    {"search_in", {.kind = SHAPE_LIST, .item = &search_column, .min = 1, .max = 3, .optional = true}},
    {"order", {.kind = SHAPE_CHOICE, .choices = "newest name popular", .optional = true}},
    {"limit_max", {.kind = SHAPE_INT, .min = 1, .max = 100, .optional = true}},
    {"public_before", {.kind = SHAPE_INT, .optional = true}},
    LAST,
};
static const struct shape listing = {.kind = SHAPE_MAP, .fields = listing_fields};

/* --- claims.lua, tokens.lua, login.lua --- */

/* The sub claim must always be there (OpenID Connect Core §5.3.2). */
static const struct shape_field claims_fields[] = {{"sub", {.kind = SHAPE_TEXT, .max = 255}}, LAST};
static const struct shape claims = {.kind = SHAPE_MAP, .open = true, .fields = claims_fields};

static const struct shape_field lifetimes_fields[] = {
    {"access", {.kind = SHAPE_INT, .min = 1, .max = YEAR_S}},
    {"refresh", {.kind = SHAPE_INT, .min = 1, .max = 10LL * YEAR_S}},
    {"id", {.kind = SHAPE_INT, .min = 1, .max = YEAR_S}},
    LAST,
};
static const struct shape lifetimes = {.kind = SHAPE_MAP, .fields = lifetimes_fields};

/* So many may fail within so many seconds of the first one; 0 attempts: any number. */
static const struct shape_field login_limit_fields[] = {
    {"attempts", {.kind = SHAPE_INT, .min = 0, .max = 1000000}},
    {"seconds", {.kind = SHAPE_INT, .min = 1, .max = DAY_S}},
    LAST,
};
static const struct shape_field login_limits_fields[] = {
    {"address", {.kind = SHAPE_MAP, .fields = login_limit_fields}},
    {"account", {.kind = SHAPE_MAP, .fields = login_limit_fields}},
    LAST,
};
static const struct shape login_limits = {.kind = SHAPE_MAP, .fields = login_limits_fields, .optional = true};

static const struct shape token_format = {.kind = SHAPE_CHOICE, .choices = "opaque jwt"};

static const struct shape login_method = {.kind = SHAPE_CHOICE, .choices = "fingerprint hotkey passkey"};
static const struct shape user_verification = {.kind = SHAPE_CHOICE, .choices = "preferred required", .optional = true};
static const struct shape login_methods = {.kind = SHAPE_LIST, .item = &login_method, .min = 1, .max = 3};

/* --- quotas.lua: without a number it is policy.h's --- */

enum { QUOTA_MAX = 1000000 };

static const struct shape_field quotas_fields[] = {
    {"apps", {.kind = SHAPE_INT, .min = 0, .max = QUOTA_MAX, .optional = true}},
    {"redirect_uris", {.kind = SHAPE_INT, .min = 1, .max = 10, .optional = true}},
    {"api_keys", {.kind = SHAPE_INT, .min = 0, .max = QUOTA_MAX, .optional = true}},
    {"passkeys", {.kind = SHAPE_INT, .min = 0, .max = QUOTA_MAX, .optional = true}},
    {"sessions", {.kind = SHAPE_INT, .min = 1, .max = QUOTA_MAX, .optional = true}},
    LAST,
};
static const struct shape quotas = {.kind = SHAPE_MAP, .fields = quotas_fields};

/* --- settings.lua: the ranges of the numbers are in cli/settings.c --- */

#define TEXT(name) \
    { \
        name, { \
            .kind = SHAPE_TEXT, .optional = true \
        } \
    }
#define INT(name) \
    { \
        name, { \
            .kind = SHAPE_INT, .optional = true \
        } \
    }

static const struct shape_field limits_fields[] = {
    INT("body_bytes"),
    INT("connections"),
    INT("connections_per_address"),
    INT("requests_in_flight"),
    INT("streams"),
    INT("idle_timeout_ms"),
    INT("request_timeout_ms"),
    INT("drain_timeout_ms"),
    INT("store_timeout_ms"),
    INT("store_queue"),
    INT("store_group"),
    INT("store_connections"),
    INT("cache_bytes"),
    INT("policy_call_ms"),
    INT("policy_memory_bytes"),
    INT("offload_threads"),
    INT("offload_queue"),
    INT("outgoing_threads"),
    INT("outgoing_timeout_ms"),
    INT("device_codes_per_address"),
    INT("registrations_per_address"),
    INT("proofs_per_address"),
    INT("refusals_told"),
    LAST,
};
static const struct shape_field lifetimes_settings_fields[] = {
    INT("nonce"), INT("pending"),  INT("code"),   INT("session"),     INT("reuse_grace"), INT("audit"),
    INT("key"),   INT("key_lead"), INT("pushed"), INT("device_code"), INT("dpop"),        LAST,
};
static const struct shape_field branding_fields[] = {
    {"name", {.kind = SHAPE_TEXT, .optional = true, .max = 100}},
    TEXT("logo"),
    TEXT("accent"),
    TEXT("accent_dark"),
    LAST,
};
static const struct shape_field settings_fields[] = {
    TEXT("issuer"),
    TEXT("landing_page"),
    {"listen", {.kind = SHAPE_TEXTS, .optional = true, .max = 16}},
    TEXT("tls_cert"),
    TEXT("tls_key"),
    TEXT("database"),
    TEXT("state"),
    TEXT("templates"),
    INT("workers"),
    TEXT("log_level"),
    {"demo", {.kind = SHAPE_BOOL, .optional = true}},
    {"watch", {.kind = SHAPE_BOOL, .optional = true}},
    TEXT("country_database"),
    {"branding", {.kind = SHAPE_MAP, .fields = branding_fields, .optional = true}},
    {"outgoing_private", {.kind = SHAPE_BOOL, .optional = true}},
    TEXT("user"),
    {"no_confine", {.kind = SHAPE_BOOL, .optional = true}},
    TEXT("outgoing_ca"),
    TEXT("registration_owner"),
    {"related_origins", {.kind = SHAPE_TEXTS, .optional = true, .max = 16}},
    {"policy_tests", {.kind = SHAPE_BOOL, .optional = true}},
    {"limits", {.kind = SHAPE_MAP, .fields = limits_fields, .optional = true}},
    {"lifetimes", {.kind = SHAPE_MAP, .fields = lifetimes_settings_fields, .optional = true}},
    LAST,
};
static const struct shape settings = {.kind = SHAPE_MAP, .fields = settings_fields};

const struct declared_function declared_functions[FUNCTION_COUNT] = {
#define X(file, name, without, first, second) {#file, #name, without, {first, second}},
    POLICY_FUNCTIONS(X)
#undef X
};

const struct declared_data declared_data[DATA_COUNT] = {
#define X(file, name, shape) {#file, #name, shape},
    POLICY_DATA(X)
#undef X
        {"settings", NULL, &settings},
};

const char *const declared_files[] = {"apps",   "claims",   "consent", "login", "quotas",
                                      "scopes", "settings", "tokens",  NULL};
