/* The state directory: who may write there decides what this server is. */
#ifndef CLI_STATE_H
#define CLI_STATE_H

#include "base/arena.h"

#include <sys/types.h>

/* False with *error when others may write there: they could replace the secret and the database. One that is not there
 * is made by keyring_open. */
bool state_check(struct arena *arena, const char *directory, struct slice *error);

/* As root, for a server that goes on as that user: the directory, made when it is missing, and those of its files that
 * are root's become the user's. False with *error. */
bool state_hand_over(struct arena *arena, const char *directory, uid_t user, gid_t group, struct slice *error);

#endif
