/* What a worker lends to the endpoints that it runs. Everything belongs to the worker's thread or
 * is immutable and shared. */
#ifndef SERVER_SERVICE_H
#define SERVER_SERVICE_H

#include "crypto/keyring.h"
#include "page/page.h"
#include "policy/policy.h"
#include "server/settings.h"
#include "store/store.h"

struct audit;
struct countries;
struct inbox;
struct logout_deliveries;
struct offload;
struct signing;

struct service {
    const struct settings *settings;
    const struct keyring *keyring;
    const struct pages *pages;
    const struct countries *countries; /* NULL: none is configured */
    struct policy *policy;
    const char *policy_version;
    struct db *db;
    struct audit *audit;      /* NULL on the command line: nothing is recorded */
    struct signing *signing;  /* NULL on the command line */
    struct offload *offload;  /* NULL, like the inbox, where there is no loop: then slow work is a plain call */
    struct offload *outgoing; /* the same for HTTP to other servers */
    struct inbox *inbox;
    struct logout_deliveries *deliveries; /* NULL on the command line */
    struct slice discovery;               /* the document of /.well-known/openid-configuration */
};

/* What the operator allows a policy. */
static inline struct policy_limits policy_limits_of(const struct settings *settings) {
    return (struct policy_limits){.call_ms = settings->policy_call_ms,
                                  .memory_bytes = (size_t)settings->policy_memory_bytes};
}

#endif
