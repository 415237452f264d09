/* Notices that policies or templates change on disk (inotify(7)). */
#ifndef SERVER_WATCH_H
#define SERVER_WATCH_H

#include "server/settings.h"

struct watch;

/* Watches the directories of the settings. Never fails: what cannot be watched is logged and left out. */
struct watch *watch_open(const struct settings *settings);
void watch_close(struct watch *watch);

/* To poll for reading. */
int watch_descriptor(const struct watch *watch);
/* Takes what has been noticed; whether any of it matters. */
bool watch_read(struct watch *watch);

#endif
