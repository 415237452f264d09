#include "server/edition.h"

#include "server/wire.h"

struct edition *edition_open(struct arena *arena, const struct settings *settings, struct slice *error) {
    struct edition *edition = h2o_mem_alloc(sizeof(*edition));
    *edition = (struct edition){.references = 1};
    edition->policies =
        policy_source_read(arena, settings->policies, MOONLATCH_HOME "/lua/moonlatch", settings->config, error);
    if (edition->policies)
        edition->pages = pages_open(arena, settings->templates, error);
    if (edition->pages && settings->tls_cert)
        edition->tls = tls_context(arena, settings->tls_cert, settings->tls_key, error);
    if (edition->policies)
        policy_source_version(edition->policies, edition->version);
    if (edition->pages && (edition->tls || !settings->tls_cert))
        return edition;
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
    SSL_CTX_free(edition->tls);
    free(edition);
}

struct generation *generation_open(struct arena *arena, struct edition *edition, const struct settings *settings,
                                   const struct keyring *keyring, struct slice *error) {
    const struct policy_limits limits = {
        .call_ms = settings->policy_call_ms,
        .memory_bytes = (size_t)settings->policy_memory_bytes,
    };
    struct policy *policy = policy_open(arena, edition->policies, &limits, error);
    if (!policy)
        return NULL;
    struct generation *generation = h2o_mem_alloc(sizeof(*generation));
    *generation = (struct generation){
        .service = {.settings = settings,
                    .keyring = keyring,
                    .pages = edition->pages,
                    .policy = policy,
                    .policy_version = edition->version},
        .edition = edition,
    };
    edition_retain(edition);
    return generation;
}

void generation_close(struct generation *generation) {
    policy_close(generation->service.policy);
    edition_release(generation->edition);
    free(generation);
}
