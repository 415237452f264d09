/* What the operator set: flags first, then MOONLATCH_* in the environment, then the settings file
 * (policies/settings.lua or --config), then the defaults. Read once at start; immutable. */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include "base/arena.h"

enum { LISTEN_MAX = 16, RELATED_ORIGINS_MAX = 16 };

struct settings {
    struct slice issuer; /* "https://id.example", no trailing slash, no query (RFC 8414 §2) */
    bool issuer_is_https;
    /* Other origins whose pages may use the issuer's passkeys (WebAuthn Level 3 §5.11): "https://id.example.org" */
    struct slice related_origins[RELATED_ORIGINS_MAX];
    size_t related_origins_count;
    struct slice registration_owner; /* username: owns clients that register anonymously; absent: none may */
    struct slice landing_page;       /* where a command-line sign-in ends; default "/" */
    const char *listen[LISTEN_MAX];  /* "ADDR:PORT", "localhost:PORT": both loopbacks; port 0 lets the kernel choose */
    size_t listen_count;
    const char *tls_cert, *tls_key; /* PEM files; NULL: plain HTTP */
    const char *database, *state, *policies, *templates;
    const char *log_level; /* NULL: info */
    const char *config;    /* settings file in place of policies/settings.lua; NULL: that */
    int64_t workers;
    bool demo;
    bool policy_tests;       /* an edition is taken only if the policies' specs pass */
    bool outgoing_private;   /* other servers may be asked over http and at private addresses, too (fetch.h) */
    const char *outgoing_ca; /* PEM file of the CAs that they are proven by; NULL: the system's */
    const char *user;        /* whom a server that was started as root becomes; NULL: nobody else */
    bool no_confine;         /* the process gives up nothing (confine.h) */
    bool watch;              /* reload when policies or templates change on disk */

    /* limits; defaults in settings.c */
    int64_t body_max_bytes;
    int64_t connections_max;             /* per worker */
    int64_t connections_per_address_max; /* per worker; fewer when few are left (peer.c) */
    /* Fibers per worker. One address can have most of them for as long as the store takes to answer, and for nothing
     * else: what takes longer waits in queues of its own (offload.h). Over it the answer is 503, at once. */
    int64_t requests_in_flight_max;
    int64_t streams_max;        /* concurrent HTTP/2 streams per connection */
    int64_t request_timeout_ms; /* from first byte to last byte of the answer */
    int64_t idle_timeout_ms;
    int64_t drain_timeout_ms;
    int64_t store_timeout_ms;
    int64_t store_queue_max;
    int64_t store_group_max;       /* batches under one commit */
    int64_t store_connections_max; /* to PostgreSQL, of all workers; each has at least 2 */
    int64_t cache_bytes;
    int64_t policy_call_ms, policy_memory_bytes;
    int64_t offload_threads, offload_queue_max;
    int64_t outgoing_threads, outgoing_timeout_ms; /* for HTTP to other servers */
    /* Of strangers (registry/ceilings.h); 0: any number. */
    int64_t device_codes_per_address_max, registrations_per_address_max; /* in ten minutes */
    int64_t proofs_per_address_max;                                      /* in a minute */
    int64_t refusals_told_max;                                           /* by the audit log, in ten minutes */

    /* lifetimes, seconds */
    int64_t nonce_s, pending_s, code_s, session_s, reuse_grace_s;
    int64_t audit_s;               /* how long the audit log is kept */
    int64_t key_age_s, key_lead_s; /* of a signing key: until the next one signs; published before it signs */
    int64_t pushed_s;              /* of a request_uri (RFC 9126) */
    int64_t device_code_s;         /* RFC 8628 */
    int64_t dpop_s;                /* how old a DPoP proof and its nonce may be */
};

#endif
