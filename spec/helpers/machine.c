/* LD_PRELOAD: a machine whose clock is MACHINE_CLOCK_S seconds ahead, whose disk does not answer while the file
 * MACHINE/stall is there, and is full while MACHINE/full is. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static bool is_so(const char *what) {
    char path[256];
    const char *directory = getenv("MACHINE");
    snprintf(path, sizeof(path), "%s/%s", directory ? directory : "", what);
    return directory && access(path, F_OK) == 0;
}

int clock_gettime(clockid_t id, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    const char *ahead_s = getenv("MACHINE_CLOCK_S");
    if (!real)
        real = REAL(clock_gettime);
    int code = real(id, now);
    if (code == 0 && ahead_s && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        now->tv_sec += atoi(ahead_s);
    return code;
}

int fdatasync(int file) {
    while (is_so("stall"))
        usleep(5000);
    return REAL(fdatasync)(file);
}

static ssize_t written(ssize_t (*real)(int, const void *, size_t, off_t), int file, const void *at, size_t len,
                       off_t offset) {
    if (is_so("full")) {
        errno = ENOSPC;
        return -1;
    }
    return real(file, at, len, offset);
}

ssize_t pwrite(int file, const void *at, size_t len, off_t offset) {
    return written(REAL(pwrite), file, at, len, offset);
}

ssize_t pwrite64(int file, const void *at, size_t len, off_t offset) {
    return written(REAL(pwrite64), file, at, len, offset);
}
