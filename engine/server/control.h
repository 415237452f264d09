/* The operator's line to a running server: SIGHUP, changed files, and a socket in the state directory for the command
 * line. One thread, which opens a new edition beside the one that serves, checks it, and hands each worker a generation
 * of it; or says why not, and everything stays as it is.
 *
 * The socket is <state>/control-<pid>.sock (mode 0600): one JSON object a line in, one out. */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include "server/server.h"

struct control;
struct worker;
struct edition;

/* `workers` run already; their generations are of `edition`. With `watch`, changes of policies and templates reload by
 * themselves. NULL with *error when the socket cannot be made. */
struct control *control_start(struct arena *arena, const struct server_config *config, struct worker *workers,
                              int64_t worker_count, struct edition *edition, struct slice *error);
/* From another thread: reload. */
void control_reload(struct control *control);
/* Before the workers drain: nothing is handed to them any more when it returns. */
void control_stop(struct control *control);

/* For the command line: sends `request` to every server that runs on that state directory. A list of their answers, in
 * `arena`, with a control_failure for each that cannot be asked; empty when none runs. Removes sockets that nobody
 * listens at any more, and no others. */
struct value *control_ask(struct arena *arena, const char *state, const struct value *request);
/* The answer {"ok": false, "error": …}. */
struct value *control_failure(struct arena *arena, struct slice error);

#endif
