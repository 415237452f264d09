/* Slow work (RSA signatures, HTTP to other servers) on a few threads of the process, while the fiber that wants it
 * waits and its loop goes on. Beside db_run this is where a fiber waits.
 *
 * A full queue refuses whoever comes next. That of signatures is filled only by those whose grant is proven: no
 * stranger has anything signed. */
#ifndef SERVER_OFFLOAD_H
#define SERVER_OFFLOAD_H

#include "server/service.h"

struct offload;

/* NULL when not all of the threads can be started. */
struct offload *offload_open(size_t threads, size_t queue_max);
/* No fiber waits any more. NULL is allowed. */
void offload_close(struct offload *offload);

/* Runs work(data) on one of the threads and returns when it has run: `data` may lie in the fiber's arena or on its
 * stack. There is no timeout here, so whoever works bounds its own time; what it allocates in an arena must be its own
 * thread's. False, and nothing is run, when too much waits already (the caller answers ERROR_OVERLOADED). Without a
 * fiber, or without threads (command line, fuzzing), it is a plain call, on the loop's stack. */
bool offload_run(const struct service *service, void (*work)(void *data), void *data);
/* The same on other threads, for what waits for another server (service->outgoing, service->logouts): one that hangs
 * keeps no signature waiting. Nor does it keep other servers waiting: of the threads, and of the places in the queue, a
 * host has a quarter, and what is over that waits behind it, or is refused. `host` lives until this returns. */
bool offload_run_for_host(const struct service *service, struct offload *threads, const char *host,
                          void (*work)(void *data), void *data);

#endif
