/* What the process gives up before it speaks with anybody: the right to start programs, to look into other processes,
 * to write beyond its own directories, to change the machine. What a stranger's bytes may find in a parser is then
 * worth little. README.md, "Confinement", is written from this file.
 *
 * seccomp refuses system calls, Landlock paths and ports; a kernel or a container may lack either, so the caller logs
 * what it got. No way back, and threads inherit it: call it while there is one. */
#ifndef SERVER_CONFINE_H
#define SERVER_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct confinement {
    bool has_seccomp, has_landlock;
};

/* Files may be made, written and removed beneath these directories and nowhere else; what is not there is skipped. */
struct confinement confine(const char *const *writable, size_t count);

/* From root to that user for ever, with the user's groups. False where that failed, or where a way back is left. */
bool user_become(const char *name, uid_t user, gid_t group);

#endif
