/* The wire: listeners, workers, limits, TLS, draining. Knows h2o; nothing else does. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "server/service.h"

/* Listens on settings->listen for every worker, and has the list say where that is (localhost is two, a port is the
 * one that the kernel chose for 0). What comes is answered when the server runs. In `arena`; NULL with *error. */
struct listeners *listeners_open(struct arena *arena, struct settings *settings, struct slice *error);

/* What the workers share; each opens its own db. Policies, pages and certificate are the edition's (edition.h). */
struct server_config {
    struct settings *settings; /* an issuer that is not set becomes http(s)://localhost:<first port> */
    const struct listeners *listeners;
    const struct keyring *keyring;
    struct store *store;
    struct offload *offload, *outgoing, *logouts; /* server_run opens these */
    struct logout_deliveries *deliveries;
    const struct rows *signing_keys; /* as they are now; each worker reads them anew in time */
};

/* Starts the workers, prints "moonlatch listening on http://ADDR:PORT" (one line, all addresses)
 * on stdout when ready, serves until SIGTERM or SIGINT, drains (at most drain_timeout_ms) and
 * returns 0. When it cannot start (port taken, unreadable key): returns 1 with *error a sentence
 * that says what to do. A second SIGTERM ends at once; SIGHUP reloads (control.h). SIGPIPE is ignored. */
int server_run(struct arena *arena, struct server_config *config, struct slice *error);

/* For /healthz and /readyz: true from SIGTERM on. */
bool server_is_draining(void);

#endif
