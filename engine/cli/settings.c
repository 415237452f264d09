/* Settings: flags, environment, settings file, defaults. */
#include "cli/command.h"

#include "base/log.h"
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

/* A flag, else its MOONLATCH_ variable, else the settings file's text. */
static const char *setting(struct command_line *line, const struct value *file, const char *flag) {
    const char *value = option_get(&line->options, flag);
    if (value)
        return value;
    char variable[64] = "MOONLATCH_", name[64] = "";
    for (size_t i = 0; flag[i]; i++) {
        bool is_dash = flag[i] == '-';
        variable[10 + i] = is_dash ? '_' : (char)(flag[i] - 'a' + 'A');
        name[i] = is_dash ? '_' : flag[i];
    }
    value = getenv(variable);
    return value ? value : arena_string(line->arena, value_get_text(file, name));
}

/* A switch of the command line, else its MOONLATCH_ variable, else the settings file. */
static bool switch_is_on(struct command_line *line, const struct value *file, const char *flag, const char *name) {
    if (option_is_set(&line->options, flag))
        return true;
    const char *text = setting(line, NULL, flag);
    if (text)
        return *text && strcmp(text, "0") != 0 && strcmp(text, "false") != 0;
    const struct value *given = value_get(file, name);
    return given && given->kind == VALUE_BOOL && given->boolean;
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

static void listen_add(struct settings *settings, const char *address) {
    if (settings->listen_count < LISTEN_MAX)
        settings->listen[settings->listen_count++] = address;
}

/* --listen (repeatable), else MOONLATCH_LISTEN (separated by spaces), else the settings file's list. */
static void listen_read(struct command_line *line, const struct value *file) {
    struct settings *settings = &line->settings;
    for (size_t i = 0; i < line->options.count; i++)
        if (strcmp(line->options.list[i].name, "listen") == 0)
            listen_add(settings, line->options.list[i].value);
    struct slice rest = settings->listen_count ? SLICE_NONE : slice_of(getenv("MOONLATCH_LISTEN"));
    while (slice_is_set(rest))
        listen_add(settings, arena_string(line->arena, slice_cut(&rest, ' ')));
    const struct value *listed = settings->listen_count ? NULL : value_get(file, "listen");
    for (const struct value *one = listed && listed->kind == VALUE_LIST ? listed->first : NULL; one; one = one->next)
        listen_add(settings, arena_string(line->arena, one->text));
    if (listed && listed->kind == VALUE_TEXT)
        listen_add(settings, arena_string(line->arena, listed->text));
    if (!settings->listen_count)
        listen_add(settings, "127.0.0.1:8080");
}

static bool issuer_read(struct command_line *line, const char *issuer, struct slice *error) {
    struct settings *settings = &line->settings;
    settings->issuer = slice_of(issuer);
    if (!issuer)
        return true; /* the server makes one from its first address */
    settings->issuer_is_https = slice_starts(settings->issuer, "https://");
    bool is_http = slice_starts(settings->issuer, "http://");
    if ((settings->issuer_is_https || is_http) && slice_find(settings->issuer, '?') == settings->issuer.len &&
        slice_find(settings->issuer, '#') == settings->issuer.len && issuer[settings->issuer.len - 1] != '/')
        return true;
    *error = arena_printf(
        line->arena, "the issuer must be an http or https URL without query, fragment and trailing slash: %s", issuer);
    return false;
}

static bool workers_read(struct command_line *line, const struct value *file, struct slice *error) {
    const char *text = setting(line, file, "workers");
    const struct value *given = value_get(file, "workers");
    int64_t cores = sysconf(_SC_NPROCESSORS_ONLN);
    char *end = NULL;
    if (text)
        line->settings.workers = strtoll(text, &end, 10);
    else if (given && given->kind == VALUE_INT)
        line->settings.workers = given->integer;
    else
        line->settings.workers = cores < 1 ? 1 : cores;
    if ((!text || *end == '\0') && line->settings.workers >= 1 && line->settings.workers <= 256)
        return true;
    *error = SLICE("workers must be a whole number from 1 to 256.");
    return false;
}

/* The settings file is a policy like the others (settings.lua), so it is read as one. */
static bool file_read(struct command_line *line, const struct value **file, struct slice *error) {
    struct arena *arena = line->arena;
    const char *config = setting(line, NULL, "config");
    struct policy_source *source =
        policy_source_read(arena, line->settings.policies, MOONLATCH_HOME "/lua/moonlatch", config, error);
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

bool settings_read(struct command_line *line, struct slice *error) {
    struct settings *settings = &line->settings;
    *settings = defaults;
    enum log_level level;
    const char *text = setting(line, NULL, "log-level");
    if (text && !log_level_from(text, &level)) {
        *error = SLICE("the log level must be debug, info, warn or error.");
        return false;
    }
    if (text)
        log_level_set(level);
    if ((text = setting(line, NULL, "policies")))
        settings->policies = text;
    settings->config = setting(line, NULL, "config");
    const struct value *file = NULL;
    if (!file_read(line, &file, error))
        return false;
    if ((text = setting(line, file, "state")))
        settings->state = text;
    if ((text = setting(line, file, "templates")))
        settings->templates = text;
    settings->tls_cert = setting(line, file, "tls-cert");
    settings->tls_key = setting(line, file, "tls-key");
    if (!settings->tls_cert != !settings->tls_key) {
        *error = SLICE("--tls-cert and --tls-key go together: give both or none.");
        return false;
    }
    settings->database = setting(line, file, "database");
    if (!settings->database)
        settings->database = arena_printf(line->arena, "sqlite:%s/moonlatch.db", settings->state).at;
    if (slice_is_set(value_get_text(file, "landing_page")))
        settings->landing_page = value_get_text(file, "landing_page");
    settings->registration_owner = value_get_text(file, "registration_owner");
    settings->demo = option_is_set(&line->options, "demo");
    const struct value *tests = value_get(file, "policy_tests");
    settings->policy_tests = tests && tests->kind == VALUE_BOOL && tests->boolean;
    settings->outgoing_private = switch_is_on(line, file, "outgoing-private", "outgoing_private");
    settings->outgoing_ca = setting(line, file, "outgoing-ca");
    settings->watch = option_is_set(&line->options, "watch") || setting(line, NULL, "watch");
    listen_read(line, file);
    return numbers_read(line, file, error) && workers_read(line, file, error) &&
           issuer_read(line, setting(line, file, "issuer"), error);
}
