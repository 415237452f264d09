#include "server/edition.h"

#include "page/brand.h"
#include "server/country.h"
#include "server/route.h"
#include "server/wire.h"

static bool specs_pass(struct arena *arena, const struct policy_source *source, const struct settings *settings,
                       struct slice *error) {
    const struct policy_limits limits = policy_limits_of(settings);
    struct policy_test_result result;
    if (!policy_test(arena, source, &limits, &result, error))
        return false;
    if (result.failed)
        *error = arena_printf(arena, "%.*s (%lld of the policies' specs failed)",
                              SLICE_ARG(value_get_text(result.failures->first, "message")), (long long)result.failed);
    return result.failed == 0;
}

/* The settings file as it is now; NULL with *error. */
static const struct value *settings_now(struct arena *arena, const struct edition *edition, struct slice *error) {
    struct policy *policy = policy_open(arena, edition->policies, NULL, error);
    const struct value *settings = policy ? policy_settings(policy, arena) : NULL;
    if (policy)
        policy_close(policy);
    return settings;
}

static bool brand_read(struct arena *arena, const struct value *branding, struct brand *brand, struct slice *error) {
    *brand = (struct brand){
        .name = brand_name(branding),
        .logo = value_get_text(branding, "logo"),
        .accent = value_get_text(branding, "accent"),
        .accent_dark = value_get_text(branding, "accent_dark"),
    };
    const struct slice colours[] = {brand->accent, brand->accent_dark};
    for (size_t i = 0; i < sizeof(colours) / sizeof(*colours); i++) {
        if (slice_is_set(colours[i]) && !colour_is_valid(colours[i])) {
            *error = arena_printf(arena, "settings.lua: branding: a colour is \"#\" and six hex digits, not %.*s",
                                  SLICE_ARG(colours[i]));
            return false;
        }
    }
    return true;
}

struct pages *edition_pages_open(struct arena *arena, const char *templates, const struct value *settings_file,
                                 struct slice *error) {
    struct pages_from from = {.shipped = MOONLATCH_HOME "/templates", .own = templates};
    return brand_read(arena, value_get(settings_file, "branding"), &from.brand, error) ? pages_open(arena, &from, error)
                                                                                       : NULL;
}

static bool edition_read(struct arena *arena, struct edition *edition, const struct settings *settings,
                         struct slice *error) {
    edition->policies =
        policy_source_read(arena, settings->policies, MOONLATCH_HOME "/lua/moonlatch", settings->config, error);
    if (!edition->policies)
        return false;
    policy_source_version(edition->policies, edition->version);
    const struct value *now = settings_now(arena, edition, error);
    if (!now || (settings->policy_tests && !specs_pass(arena, edition->policies, settings, error)) ||
        !(edition->pages = edition_pages_open(arena, settings->templates, now, error)))
        return false;
    const char *countries = arena_string(arena, value_get_text(now, "country_database"));
    if (countries && !(edition->countries = countries_open(arena, countries, error)))
        return false;
    return !settings->tls_cert ||
           (edition->tls = tls_context(arena, settings->tls_cert, settings->tls_key, error)) != NULL;
}

struct edition *edition_open(struct arena *arena, const struct settings *settings, struct slice *error) {
    struct edition *edition = h2o_mem_alloc(sizeof(*edition));
    *edition = (struct edition){.references = 1};
    if (edition_read(arena, edition, settings, error))
        return edition;
    edition_release(edition);
    return NULL;
}

struct edition *edition_candidate_open(struct arena *arena, const struct settings *settings, const char *directory,
                                       struct slice *error) {
    struct edition *edition = h2o_mem_alloc(sizeof(*edition));
    *edition = (struct edition){.references = 1};
    edition->policies = policy_source_read(arena, directory, MOONLATCH_HOME "/lua/moonlatch", settings->config, error);
    if (edition->policies) {
        policy_source_version(edition->policies, edition->version);
        return edition;
    }
    edition_release(edition);
    return NULL;
}

void edition_retain(struct edition *edition) {
    atomic_fetch_add(&edition->references, 1);
}

void edition_release(struct edition *edition) {
    if (atomic_fetch_sub(&edition->references, 1) > 1)
        return;
    if (edition->policies)
        policy_source_free(edition->policies);
    if (edition->pages)
        pages_close(edition->pages);
    countries_close(edition->countries);
    SSL_CTX_free(edition->tls);
    free(edition);
}

static struct policy *policy_of(struct arena *arena, const struct edition *edition, const struct settings *settings,
                                struct slice *error) {
    const struct policy_limits limits = policy_limits_of(settings);
    return policy_open(arena, edition->policies, &limits, error);
}

static void discovery_make(struct generation *generation) {
    struct arena scratch;
    arena_init(&scratch);
    struct buffer json = buffer_in(&scratch);
    discovery_write(&json, &generation->service);
    char *text = h2o_mem_alloc(json.len);
    memcpy(text, json.at, json.len);
    generation->service.discovery = (struct slice){text, json.len};
    arena_free(&scratch);
}

struct generation *generation_open(struct arena *arena, struct edition *edition, const struct settings *settings,
                                   const struct keyring *keyring, struct slice *error) {
    struct policy *policy = policy_of(arena, edition, settings, error);
    if (!policy)
        return NULL;
    struct generation *generation = h2o_mem_alloc(sizeof(*generation));
    *generation = (struct generation){
        .service = {.settings = settings,
                    .keyring = keyring,
                    .pages = edition->pages,
                    .countries = edition->countries,
                    .policy = policy,
                    .policy_version = edition->version,
                    .brand_name = pages_brand(edition->pages)->name},
        .edition = edition,
    };
    edition_retain(edition);
    discovery_make(generation);
    return generation;
}

struct policy *generation_candidate_open(struct arena *arena, struct edition *shadow, const struct settings *settings,
                                         struct slice *error) {
    return policy_of(arena, shadow, settings, error);
}

void generation_shadow(struct generation *generation, struct edition *shadow, struct policy *candidate) {
    struct edition *before = generation->shadow;
    policy_shadow_set(generation->service.policy, candidate, shadow ? &shadow->record : NULL);
    if (shadow)
        edition_retain(shadow);
    generation->shadow = shadow;
    if (before)
        edition_release(before);
}

void generation_close(struct generation *generation) {
    generation_shadow(generation, NULL, NULL);
    policy_close(generation->service.policy);
    edition_release(generation->edition);
    free((char *)(uintptr_t)generation->service.discovery.at);
    free(generation);
}
