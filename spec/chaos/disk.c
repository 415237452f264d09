/* LD_PRELOAD of a server: a disk that stands still, or is full, while the first or second byte of the file $CHAOS_DISK
 * is not '0'. The file is mapped before the server confines itself. Only files are hit, not sockets. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const volatile char *disk = "00";

__attribute__((constructor)) static void disk_open(void) {
    const char *path = getenv("CHAOS_DISK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, 2, PROT_READ, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED)
        disk = at;
    if (fd >= 0)
        close(fd);
}

static void disk_wait(void) {
    while (disk[0] != '0')
        usleep(10000);
}

static int is_full(int fd) {
    struct stat about;
    return disk[1] != '0' && !fstat(fd, &about) && S_ISREG(about.st_mode);
}

int fdatasync(int fd) {
    disk_wait();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

int fsync(int fd) {
    disk_wait();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

static ssize_t disk_pwrite(const char *name, int fd, const void *from, size_t size, off_t at) {
    if (is_full(fd)) {
        errno = ENOSPC;
        return -1;
    }
    return ((ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, name))(fd, from, size, at);
}

ssize_t pwrite(int fd, const void *from, size_t size, off_t at) {
    return disk_pwrite("pwrite", fd, from, size, at);
}

ssize_t pwrite64(int fd, const void *from, size_t size, off_t at) {
    return disk_pwrite("pwrite64", fd, from, size, at);
}
