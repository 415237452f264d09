/* HTTP to other servers: a client's keys (jwks_uri), logout tokens. The URL is somebody else's word, so the request
 * goes to public addresses over https alone (settings.outgoing_private lifts that), whatever a name resolves to;
 * redirects are not followed; time and size are bounded. libcurl does the work, on an offload thread. */
#ifndef SERVER_FETCH_H
#define SERVER_FETCH_H

#include "server/service.h"

struct fetch {
    /* in */
    const char *method; /* "GET", "POST" */
    struct slice url, accept;
    struct slice content_type, body; /* of a POST */
    size_t answer_max;               /* bytes; a longer answer is none */
    /* out */
    int status;          /* 0: no answer */
    struct slice answer; /* in the arena */
    struct slice why;    /* no answer: a few words for the log */
};

/* Once a process, before its threads; and after them. */
void fetch_begin(void);
void fetch_end(void);

/* False when there was no answer. Waits. */
bool fetch_run(struct arena *arena, const struct service *service, struct fetch *fetch);

#endif
