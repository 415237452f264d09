/* HTTP to other servers: a client's keys (jwks_uri), logout tokens. The URL is somebody else's word, so the request
 * goes to public addresses over https alone (settings.outgoing_private lifts that), whatever a name resolves to;
 * redirects are not followed; time and size are bounded. libcurl does the work, on an offload thread. */
#ifndef SERVER_FETCH_H
#define SERVER_FETCH_H

#include "server/service.h"

struct fetch {
    /* in */
    const char *method;                /* "GET", "HEAD", "POST" and so on */
    struct slice url;                  /* without user and password */
    struct slice body;                 /* absent: none is sent */
    struct slice content_type, accept; /* the caller's own words: nothing here looks for line ends */
    int64_t
        timeout_ms; /* for all of it, waiting for a thread included; 0, or more than limits.outgoing_timeout_ms: that */
    size_t answer_max;       /* bytes; a longer answer is none */
    struct offload *threads; /* of the service: outgoing, or logouts; NULL: outgoing */
    /* out */
    int status;              /* 0: no answer */
    struct slice answer;     /* in the arena, like the two below */
    struct slice media_type; /* as it came, without parameters; absent when there was none */
    struct slice why;        /* no answer: a few words for the log, not for whoever named the URL */
};

/* Once a process, before its threads; false with *error when settings->outgoing_ca cannot be used. */
bool fetch_begin(struct arena *arena, const struct settings *settings, struct slice *error);
/* After them. */
void fetch_end(void);

/* False when there was no answer, also when too much waits (offload.h). Waits. */
bool fetch_run(struct arena *arena, const struct service *service, struct fetch *fetch);

#endif
