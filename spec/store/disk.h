/* A disk that can be made slow, stuck or broken: SQLite's own file layer with another xSync. */
#ifndef SPEC_STORE_DISK_H
#define SPEC_STORE_DISK_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static _Atomic int disk_sync_ms; /* what a sync takes at least */
static _Atomic bool disk_sync_fails;
static _Atomic int disk_syncs;

static sqlite3_vfs disk_vfs, *disk_below;
/* The files of a database are of a few kinds, with a table each. */
static struct {
    const sqlite3_io_methods *real;
    sqlite3_io_methods ours;
} disk_kinds[8];

static int disk_sync(sqlite3_file *file, int flags) {
    atomic_fetch_add(&disk_syncs, 1);
    int ms = atomic_load(&disk_sync_ms);
    if (ms)
        usleep((useconds_t)ms * 1000);
    if (atomic_load(&disk_sync_fails))
        return SQLITE_IOERR_FSYNC;
    for (size_t i = 0; i < 8; i++)
        if (file->pMethods == &disk_kinds[i].ours)
            return disk_kinds[i].real->xSync(file, flags);
    return SQLITE_IOERR_FSYNC;
}

/* The first store of a test meets all kinds, on one thread; later calls only look them up. */
static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out) {
    (void)vfs;
    int code = disk_below->xOpen(disk_below, name, file, flags, flags_out);
    if (code != SQLITE_OK || !file->pMethods)
        return code;
    for (size_t i = 0; i < 8; i++) {
        if (!disk_kinds[i].real) {
            disk_kinds[i].real = file->pMethods;
            disk_kinds[i].ours = *file->pMethods;
            disk_kinds[i].ours.xSync = disk_sync;
        }
        if (disk_kinds[i].real == file->pMethods) {
            file->pMethods = &disk_kinds[i].ours;
            break;
        }
    }
    return SQLITE_OK;
}

static inline void disk_begin(void) {
    disk_below = sqlite3_vfs_find(NULL);
    disk_vfs = *disk_below;
    disk_vfs.zName = "slow";
    disk_vfs.xOpen = disk_open;
    sqlite3_vfs_register(&disk_vfs, 1);
}

#endif
