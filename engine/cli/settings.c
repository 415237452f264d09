/* Settings: flags, environment, settings file, defaults. */
#include "cli/command.h"

#include "base/log.h"
#include "checks/redirect_uri.h"
#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct settings defaults = {
    .landing_page = {"/", 1},
    .state = "state",
    .policies = MOONLATCH_HOME "/policies",
    .templates = MOONLATCH_HOME "/templates",
    .body_max_bytes = 64 * 1024,
    .connections_max = 10000,
    .connections_per_address_max = 2000,
    .requests_in_flight_max = 4096,
    .streams_max = 100,
    .request_timeout_ms = 30000,
    .idle_timeout_ms = 60000,
    .drain_timeout_ms = 30000,
    .store_timeout_ms = 5000,
    .store_queue_max = 10000,
    .store_group_max = STORE_GROUP_MAX,
    .store_connections_max = 40,
    .cache_bytes = 64 * 1024 * 1024,
    .policy_call_ms = 20,
    .policy_memory_bytes = 8 * 1024 * 1024,
    .offload_threads = 4,
    .offload_queue_max = 256,
    .outgoing_threads = 8,
    .outgoing_timeout_ms = 5000,
    .device_codes_per_address_max = 100,
    .registrations_per_address_max = 30,
    .proofs_per_address_max = 12000,
    .refusals_told_max = 1500,
    .nonce_s = 300,
    .pending_s = 600,
    .code_s = 60,
    .session_s = 7 * 86400,
    .reuse_grace_s = 10,
    .audit_s = 30 * 86400,
    .key_age_s = 90 * 86400,
    .key_lead_s = 3600,
    .pushed_s = 90,
    .device_code_s = 600,
    .dpop_s = 60,
};

/* The numbers that only the settings file has, each with the range that makes sense. */
static const struct number {
    const char *group, *name;
    size_t offset;
    int64_t min, max;
} numbers[] = {
#define NUMBER(group, name, field, min, max) \
    { group, name, offsetof(struct settings, field), min, max }
    NUMBER("limits", "body_bytes", body_max_bytes, 1024, 1 << 24),
    NUMBER("limits", "connections", connections_max, 1, 1000000),
    NUMBER("limits", "connections_per_address", connections_per_address_max, 1, 1000000),
    NUMBER("limits", "requests_in_flight", requests_in_flight_max, 1, 16384),
    NUMBER("limits", "streams", streams_max, 1, 256),
    NUMBER("limits", "request_timeout_ms", request_timeout_ms, 100, 600000),
    NUMBER("limits", "idle_timeout_ms", idle_timeout_ms, 100, 3600000),
    NUMBER("limits", "drain_timeout_ms", drain_timeout_ms, 0, 600000),
    NUMBER("limits", "store_timeout_ms", store_timeout_ms, 100, 60000),
    NUMBER("limits", "store_queue", store_queue_max, 1, 1000000),
    NUMBER("limits", "store_connections", store_connections_max, 2, 10000),
    NUMBER("limits", "store_group", store_group_max, 1, STORE_GROUP_MAX),
    NUMBER("limits", "cache_bytes", cache_bytes, 0, 1LL << 40),
    NUMBER("limits", "policy_call_ms", policy_call_ms, 1, 10000),
    NUMBER("limits", "policy_memory_bytes", policy_memory_bytes, 1 << 20, 1 << 30),
    NUMBER("limits", "offload_threads", offload_threads, 1, 64),
    NUMBER("limits", "offload_queue", offload_queue_max, 1, 100000),
    NUMBER("limits", "outgoing_threads", outgoing_threads, 1, 64),
    NUMBER("limits", "outgoing_timeout_ms", outgoing_timeout_ms, 10, 60000),
    NUMBER("limits", "device_codes_per_address", device_codes_per_address_max, 0, 1000000),
    NUMBER("limits", "registrations_per_address", registrations_per_address_max, 0, 1000000),
    NUMBER("limits", "proofs_per_address", proofs_per_address_max, 0, 1000000),
    NUMBER("limits", "refusals_told", refusals_told_max, 0, 1000000),
    NUMBER("lifetimes", "nonce", nonce_s, 1, 86400),
    NUMBER("lifetimes", "pending", pending_s, 1, 86400),
    NUMBER("lifetimes", "code", code_s, 1, 60),
    NUMBER("lifetimes", "session", session_s, 1, 365 * 86400),
    NUMBER("lifetimes", "reuse_grace", reuse_grace_s, 0, 300),
    NUMBER("lifetimes", "audit", audit_s, 60, 100LL * 366 * 86400),
    NUMBER("lifetimes", "key", key_age_s, 1, 10LL * 366 * 86400),
    NUMBER("lifetimes", "key_lead", key_lead_s, 1, 30 * 86400),
    NUMBER("lifetimes", "pushed", pushed_s, 1, 599),
    NUMBER("lifetimes", "device_code", device_code_s, 1, 3600),
    NUMBER("lifetimes", "dpop", dpop_s, 1, 600),
#undef NUMBER
};

/* The others: --tls-cert, else MOONLATCH_TLS_CERT, else tls_cert in the settings file. Those without a flag have the
 * other two. (`listen` is a list: listen_read.) */
enum setting_kind { SETTING_TEXT, SETTING_SLICE, SETTING_SWITCH, SETTING_NUMBER };
static const struct setting {
    const char *name; /* in the settings file */
    enum setting_kind kind;
    size_t offset;
    bool is_before_file; /* it says where the settings file is */
} settings_with_names[] = {
#define SETTING(field, kind) \
    { #field, kind, offsetof(struct settings, field), false }
    {"config", SETTING_TEXT, offsetof(struct settings, config), true},
    {"policies", SETTING_TEXT, offsetof(struct settings, policies), true},
    SETTING(log_level, SETTING_TEXT),
    SETTING(state, SETTING_TEXT),
    SETTING(templates, SETTING_TEXT),
    SETTING(database, SETTING_TEXT),
    SETTING(tls_cert, SETTING_TEXT),
    SETTING(tls_key, SETTING_TEXT),
    SETTING(issuer, SETTING_SLICE),
    SETTING(landing_page, SETTING_SLICE),
    SETTING(registration_owner, SETTING_SLICE),
    SETTING(workers, SETTING_NUMBER),
    SETTING(demo, SETTING_SWITCH),
    SETTING(watch, SETTING_SWITCH),
    SETTING(policy_tests, SETTING_SWITCH),
    SETTING(outgoing_private, SETTING_SWITCH),
    SETTING(outgoing_ca, SETTING_TEXT),
    SETTING(user, SETTING_TEXT),
    SETTING(no_confine, SETTING_SWITCH),
#undef SETTING
};
enum { SETTINGS_WITH_NAMES = sizeof(settings_with_names) / sizeof(*settings_with_names), WORKERS_MAX = 256 };

/* By the flag, else by its variable in the environment, where an empty one is none; NULL: by neither. */
static const char *text_given(const struct command_line *line, const char *name) {
    char flag[64] = "", variable[80] = "MOONLATCH_";
    for (size_t i = 0; name[i]; i++) {
        flag[i] = name[i] == '_' ? '-' : name[i];
        variable[sizeof("MOONLATCH_") - 1 + i] = name[i] == '_' ? '_' : (char)(name[i] - 'a' + 'A');
    }
    if (option_is_set(&line->options, flag)) {
        const char *value = option_get(&line->options, flag);
        return value ? value : "true"; /* a switch */
    }
    const char *value = getenv(variable);
    return value && *value ? value : NULL;
}

/* The one reader of switches, however they are written. */
static bool switch_from(const char *text, bool *is_on) {
    static const char *const words[][2] = {{"false", "true"}, {"0", "1"}, {"off", "on"}, {"no", "yes"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        for (int on = 0; on <= 1; on++)
            if (strcmp(text, words[i][on]) == 0) {
                *is_on = on;
                return true;
            }
    return false;
}

static bool number_from(const char *text, int64_t *number) {
    char *end;
    *number = strtoll(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0';
}

static bool setting_from_text(const struct setting *setting, const char *text, void *field) {
    switch (setting->kind) {
    case SETTING_TEXT:
        *(const char **)field = text;
        return true;
    case SETTING_SLICE:
        *(struct slice *)field = slice_of(text);
        return true;
    case SETTING_SWITCH:
        return switch_from(text, field);
    case SETTING_NUMBER:
        return number_from(text, field);
    }
    return false;
}

/* The kinds are those of settings.lua's shape (policy/declared.c). */
static void setting_from_file(struct arena *arena, const struct setting *setting, const struct value *given,
                              void *field) {
    switch (setting->kind) {
    case SETTING_TEXT:
        *(const char **)field = arena_string(arena, given->text);
        return;
    case SETTING_SLICE:
        *(struct slice *)field = given->text;
        return;
    case SETTING_SWITCH:
        *(bool *)field = given->boolean;
        return;
    case SETTING_NUMBER:
        *(int64_t *)field = given->integer;
        return;
    }
}

/* Those before the file is read, or those behind it. */
static bool settings_with_names_read(struct command_line *line, const struct value *file, bool is_before_file,
                                     struct slice *error) {
    for (size_t i = 0; i < SETTINGS_WITH_NAMES; i++) {
        const struct setting *setting = &settings_with_names[i];
        void *field = (char *)&line->settings + setting->offset;
        if (setting->is_before_file != is_before_file)
            continue;
        const char *text = text_given(line, setting->name);
        const struct value *given = value_get(file, setting->name);
        if (!text && given)
            setting_from_file(line->arena, setting, given, field);
        if (text && !setting_from_text(setting, text, field)) {
            *error = arena_printf(line->arena, "the setting %s must be %s, not \"%s\".", setting->name,
                                  setting->kind == SETTING_SWITCH ? "true or false" : "a whole number", text);
            return false;
        }
    }
    return true;
}

static bool numbers_read(struct command_line *line, const struct value *file, struct slice *error) {
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        const struct number *number = &numbers[i];
        const struct value *given = value_get(value_get(file, number->group), number->name);
        if (!given)
            continue;
        if (given->kind != VALUE_INT || given->integer < number->min || given->integer > number->max) {
            *error = arena_printf(line->arena, "the setting %s.%s must be a whole number from %lld to %lld.",
                                  number->group, number->name, (long long)number->min, (long long)number->max);
            return false;
        }
        *(int64_t *)(void *)((char *)&line->settings + number->offset) = given->integer;
    }
    return true;
}

static bool listen_add(struct settings *settings, const char *address, struct slice *error) {
    if (settings->listen_count == LISTEN_MAX) {
        *error = SLICE("a server listens on 16 addresses at most.");
        return false;
    }
    settings->listen[settings->listen_count++] = address;
    return true;
}

/* --listen (repeatable), else MOONLATCH_LISTEN (separated by spaces), else the settings file's list. */
static bool listen_read(struct command_line *line, const struct value *file, struct slice *error) {
    struct settings *settings = &line->settings;
    for (size_t i = 0; i < line->options.count; i++)
        if (strcmp(line->options.list[i].name, "listen") == 0 &&
            !listen_add(settings, line->options.list[i].value, error))
            return false;
    struct slice rest = settings->listen_count ? SLICE_NONE : slice_of(getenv("MOONLATCH_LISTEN"));
    while (slice_is_set(rest)) {
        struct slice address = slice_cut(&rest, ' ');
        if (address.len && !listen_add(settings, arena_string(line->arena, address), error))
            return false;
    }
    const struct value *listed = settings->listen_count ? NULL : value_get(file, "listen");
    for (const struct value *one = listed ? listed->first : NULL; one; one = one->next)
        if (!listen_add(settings, arena_string(line->arena, one->text), error))
            return false;
    return settings->listen_count || listen_add(settings, "localhost:8080", error);
}

static bool related_origins_read(struct command_line *line, const struct value *file, struct slice *error) {
    struct settings *settings = &line->settings;
    const struct value *listed = value_get(file, "related_origins");
    for (const struct value *one = listed ? listed->first : NULL; one; one = one->next) {
        struct slice origin = slice_starts(one->text, "https://") ? uri_origin(line->arena, one->text) : SLICE_NONE;
        if (!slice_is_set(origin) || !slice_equal(origin, one->text)) {
            *error =
                arena_printf(line->arena, "related_origins: %.*s is not an origin, such as https://id.example.org.",
                             SLICE_ARG(one->text));
            return false;
        }
        settings->related_origins[settings->related_origins_count++] = origin;
    }
    return true;
}

static bool issuer_check(struct command_line *line, struct slice *error) {
    struct settings *settings = &line->settings;
    struct slice issuer = settings->issuer;
    if (!slice_is_set(issuer))
        return true; /* the server makes one from its first address */
    settings->issuer_is_https = slice_starts(issuer, "https://");
    bool is_http = slice_starts(issuer, "http://");
    if ((settings->issuer_is_https || is_http) && slice_find(issuer, '?') == issuer.len &&
        slice_find(issuer, '#') == issuer.len && issuer.at[issuer.len - 1] != '/')
        return true;
    *error = arena_printf(line->arena,
                          "the issuer must be an http or https URL without query, fragment and trailing slash: %.*s",
                          SLICE_ARG(issuer));
    return false;
}

static bool log_level_apply(const char *text, struct slice *error) {
    enum log_level level;
    if (!text)
        return true;
    if (!log_level_from(text, &level)) {
        *error = SLICE("the log level must be debug, info, warn or error.");
        return false;
    }
    log_level_set(level);
    return true;
}

/* The settings file is a policy like the others (settings.lua), so it is read as one. */
static bool file_read(struct command_line *line, const struct value **file, struct slice *error) {
    struct arena *arena = line->arena;
    const struct settings *settings = &line->settings;
    struct policy_source *source =
        policy_source_read(arena, settings->policies, MOONLATCH_HOME "/lua/moonlatch", settings->config, error);
    struct policy *policy = source ? policy_open(arena, source, NULL, error) : NULL;
    if (policy)
        *file = policy_settings(policy, arena);
    bool is_read = policy != NULL;
    if (policy)
        policy_close(policy);
    if (source)
        policy_source_free(source);
    return is_read;
}

static bool together_check(struct command_line *line, struct slice *error) {
    const struct settings *settings = &line->settings;
    if (!settings->tls_cert != !settings->tls_key) {
        *error = SLICE("--tls-cert and --tls-key go together: give both or none.");
        return false;
    }
    if (settings->workers < 1 || settings->workers > WORKERS_MAX) {
        *error = SLICE("workers must be a whole number from 1 to 256.");
        return false;
    }
    return issuer_check(line, error);
}

bool settings_read(struct command_line *line, struct slice *error) {
    struct settings *settings = &line->settings;
    *settings = defaults;
    int64_t cores = sysconf(_SC_NPROCESSORS_ONLN);
    settings->workers = cores < 1 ? 1 : cores > WORKERS_MAX ? WORKERS_MAX : cores;
    const struct value *file = NULL;
    if (!settings_with_names_read(line, NULL, true, error) || !file_read(line, &file, error) ||
        !settings_with_names_read(line, file, false, error) || !log_level_apply(settings->log_level, error) ||
        !listen_read(line, file, error) || !numbers_read(line, file, error) ||
        !related_origins_read(line, file, error) || !together_check(line, error))
        return false;
    if (!settings->database)
        settings->database = arena_printf(line->arena, "sqlite:%s/moonlatch.db", settings->state).at;
    return true;
}
