/* A GET that strangers can ask us to make: a client's jwks_uri, which every bad assertion asks for anew. So of one URL
 * there is one request of this process at a time, whoever wants it meanwhile waits for its answer, and one that fails
 * is not asked again for AGAIN_MS, then twice as long each time, up to AGAIN_MAX_MS. A failure is forgotten when the
 * URL answers well, or when nobody asks for it for AGAIN_MAX_MS more. Of more than URLS_MAX the one that may be asked
 * soonest is forgotten. */
#ifndef SERVER_FETCH_SHARED_H
#define SERVER_FETCH_SHARED_H

#include "server/fetch.h"

enum {
    FETCH_AGAIN_MS = 10 * 1000,
    FETCH_AGAIN_MAX_MS = 300 * 1000,
    FETCH_URLS_MAX = 1024,
    FETCH_WAITERS_MAX = 64, /* for one URL; more are refused */
};

/* As fetch_run, for a GET; also false when the answer's status is not 200, or when an earlier call failed and it is not
 * time to ask again: fetch->why and fetch->status say what happened. *is_own: this call has asked; others may have got
 * the same answer. Waits. */
bool fetch_shared(struct arena *arena, const struct service *service, struct fetch *fetch, bool *is_own);

#endif
