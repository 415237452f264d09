/* What a process that has confined itself can do no more, and what it still can: each case in a child of its own. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

/* How old the kernel's Landlock is; 0: it has none. */
static long landlock_abi_max = 1000;

static long call(long number, ...);
#define syscall call
#include "../../engine/server/confine.c"
#undef syscall

#include "../unit/unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

/* What a kernel of that ABI would not know, it refuses. */
static bool is_known(const struct ruleset *asked, long abi) {
    uint64_t paths = (1 << 13) - 1;
    paths |= (abi >= 2 ? 1 << 13 : 0) | (abi >= 3 ? 1 << 14 : 0) | (abi >= 5 ? 1 << 15 : 0);
    return !(asked->paths & ~paths) && (abi >= 4 || !asked->ports) && (abi >= 6 || !asked->scopes);
}

static long call(long number, ...) {
    va_list list;
    va_start(list, number);
    long given[4];
    for (size_t i = 0; i < 4; i++)
        given[i] = va_arg(list, long);
    va_end(list);
    bool asks_version = number == SYS_landlock_create_ruleset && !given[0];
    if (landlock_abi_max == 0 && asks_version) {
        errno = ENOSYS;
        return -1;
    }
    if (number == SYS_landlock_create_ruleset && given[0] &&
        !is_known((const struct ruleset *)given[0], landlock_abi_max)) {
        errno = EINVAL;
        return -1;
    }
    long result = syscall(number, given[0], given[1], given[2], given[3]);
    return asks_version && result > landlock_abi_max ? landlock_abi_max : result;
}

static char mine[] = "/tmp/confine_unit.XXXXXX", theirs[] = "/tmp/confine_unit.XXXXXX";
static pid_t other; /* a process that is not confined, of the same user */
static struct confinement got;

/* Whether it is true in a confined child. It ends without the sanitizers' questions at exit. */
static bool is_true_confined(bool (*what)(void)) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        const char *writable[] = {mine, "/nothing/there"};
        got = confine(writable, 2);
        _exit(what() ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
#define CONFINED(what) CHECK(is_true_confined(what))

static bool is_refused(long result) {
    return result == -1 && (errno == EPERM || errno == EACCES || errno == EXDEV);
}

static const char *path_in(const char *directory, const char *name) {
    static char path[4][128];
    static size_t turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", directory, name);
    return path[turn];
}

static bool has_both(void) {
    return got.has_seccomp && (got.has_landlock || syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1);
}

static bool starts_nothing(void) {
    char *words[] = {(char[]){"/bin/false"}, NULL};
    return is_refused(execv(words[0], words)) && is_refused(fork()) && is_refused(vfork()) &&
           is_refused(syscall(SYS_execveat, AT_FDCWD, words[0], words, NULL, 0)) &&
           syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS && system("true") != 0;
}

static bool leaves_others_alone(void) {
    char byte;
    struct iovec here = {&byte, 1}, there = {mine, 1};
    struct rlimit limit;
    const union sigval nothing = {0};
    return (IS_SANITIZED || is_refused(ptrace(PTRACE_ATTACH, other, NULL, NULL))) && is_refused(kill(other, SIGTERM)) &&
           is_refused(syscall(SYS_tgkill, other, other, SIGTERM)) && is_refused(sigqueue(other, SIGTERM, nothing)) &&
           is_refused(syscall(SYS_process_vm_readv, other, &here, 1, &there, 1, 0)) &&
           is_refused(syscall(SYS_pidfd_getfd, 0, 0, 0)) && is_refused(prlimit(other, RLIMIT_CORE, NULL, &limit));
}

static bool has_no_other_send_signals(void) {
    int ends[2], whose = (int)other;
    const struct f_owner_ex owner = {F_OWNER_PID, other};
    return pipe(ends) == 0 && is_refused(fcntl(ends[0], F_SETOWN, other)) &&
           is_refused(fcntl(ends[0], F_SETOWN_EX, &owner)) && is_refused(ioctl(ends[0], FIOSETOWN, &whose)) &&
           is_refused(ioctl(ends[0], SIOCSPGRP, &whose));
}

/* The high half of the argument is not read: it makes no other request of it. */
static bool presses_no_keys(void) {
    return is_refused(ioctl(STDIN_FILENO, TIOCSTI, "x")) && is_refused(ioctl(STDIN_FILENO, TIOCLINUX, "\3")) &&
           is_refused(syscall(SYS_ioctl, STDIN_FILENO, 1ul << 32 | TIOCSTI, "x"));
}

static bool runs_nothing_that_was_written(void) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page != MAP_FAILED && is_refused(mprotect(page, 4096, PROT_READ | PROT_EXEC)) &&
           mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
           mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
           is_refused(syscall(SYS_memfd_create, "x", 0)) && is_refused(syscall(SYS_shmat, 0, NULL, SHM_EXEC));
}

static bool changes_no_machine(void) {
    return is_refused(setuid(0)) && is_refused(setgroups(0, NULL)) && is_refused(chroot(mine)) &&
           is_refused(unshare(CLONE_NEWNS)) && is_refused(syscall(SYS_mount, "x", mine, "tmpfs", 0, NULL)) &&
           is_refused(syscall(SYS_bpf, 0, NULL, 0)) && is_refused(syscall(SYS_io_uring_setup, 1, NULL)) &&
           is_refused(syscall(SYS_keyctl, 0, 0)) && is_refused(sethostname("x", 1)) &&
           is_refused(socket(AF_PACKET, SOCK_RAW, 0)) && is_refused(socket(AF_APPLETALK, SOCK_DGRAM, 0)) &&
           is_refused(socket(AF_ALG, SOCK_SEQPACKET, 0)) && is_refused(socket(AF_VSOCK, SOCK_STREAM, 0)) &&
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static bool opens(const char *path, int flags) {
    int file = open(path, flags | O_CLOEXEC, 0600);
    if (file >= 0)
        close(file);
    return file >= 0;
}

static bool writes_nowhere_else(void) {
    const char *file = path_in(theirs, "file"), *new = path_in(theirs, "new");
    return !opens(file, O_WRONLY) && !opens(file, O_RDWR) && !opens(file, O_WRONLY | O_APPEND) &&
           !opens(new, O_WRONLY | O_CREAT) && is_refused(unlink(file)) && is_refused(mkdir(new, 0700)) &&
           is_refused(symlink("x", new)) && is_refused(rename(file, path_in(theirs, "file.old"))) &&
           !opens("/etc/passwd", O_WRONLY) && !opens("/proc/self/oom_score_adj", O_WRONLY);
}

static bool cuts_nothing_else(void) {
    return is_refused(truncate(path_in(theirs, "file"), 0));
}

static bool takes_no_port(void) {
    int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    return taken >= 0 && is_refused(bind(taken, (const struct sockaddr *)&loopback, sizeof(loopback)));
}

static bool works_in_its_own(void) {
    const char *file = path_in(mine, "a");
    int sockets[2];
    return opens(file, O_RDWR | O_CREAT | O_EXCL) && opens(file, O_WRONLY | O_TRUNC) &&
           rename(file, path_in(mine, "b")) == 0 && link(path_in(mine, "b"), path_in(mine, "c")) == 0 &&
           unlink(path_in(mine, "b")) == 0 && unlink(path_in(mine, "c")) == 0 && opens("/dev/null", O_WRONLY) &&
           opens("/etc/passwd", O_RDONLY) && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0 &&
           socket(AF_INET6, SOCK_DGRAM, 0) != -1 && socket(AF_NETLINK, SOCK_RAW, 0) != -1;
}

static void *thread_main(void *data) {
    *(bool *)data = !opens(path_in(theirs, "file"), O_WRONLY);
    return NULL;
}

static bool threads_are_as_confined(void) {
    pthread_t thread;
    bool is_confined = false;
    return pthread_create(&thread, NULL, thread_main, &is_confined) == 0 && pthread_join(thread, NULL) == 0 &&
           is_confined;
}

static long landlock_abi(void) {
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static void refuses_what_no_server_needs(void) {
    CONFINED(has_both);
    CONFINED(leaves_others_alone);
    CONFINED(has_no_other_send_signals);
    CONFINED(presses_no_keys);
    CONFINED(changes_no_machine);
    CONFINED(works_in_its_own);
    if (!IS_SANITIZED)
        CONFINED(starts_nothing);
    CHECK(kill(other, 0) == 0);
}

static void refuses_other_paths_and_ports(void) {
    if (landlock_abi() >= 1) {
        CONFINED(writes_nowhere_else);
        CONFINED(threads_are_as_confined);
    }
    if (landlock_abi() >= 3)
        CONFINED(cuts_nothing_else);
    if (landlock_abi() >= 4)
        CONFINED(takes_no_port);
}

static bool has_seccomp_alone(void) {
    return got.has_seccomp && !got.has_landlock;
}

static void does_without_landlock(void) {
    landlock_abi_max = 0;
    CONFINED(has_seccomp_alone);
    CONFINED(leaves_others_alone);
    CONFINED(has_no_other_send_signals);
    CONFINED(presses_no_keys);
    CONFINED(changes_no_machine);
    CONFINED(works_in_its_own);
    if (!IS_SANITIZED) { /* what Landlock would refuse as well, and what it does not know */
        CONFINED(starts_nothing);
        CONFINED(runs_nothing_that_was_written);
    }
    CHECK(kill(other, 0) == 0);
    landlock_abi_max = 1000;
}

static void takes_old_landlocks(void) {
    for (long abi = landlock_abi(); abi >= 1; abi--) {
        landlock_abi_max = abi;
        CONFINED(has_both);
        CONFINED(writes_nowhere_else);
        CONFINED(works_in_its_own);
    }
    landlock_abi_max = 1000;
}

/* In a child, since there is no way back. */
static void root_is_left_for_ever(void) {
    if (geteuid() != 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        bool stays_root = !user_become("nobody", 65534, 0) && geteuid() == 0; /* root's group: refused at once */
        bool is_nobody = user_become("nobody", 65534, 65534);
        _exit(stays_root && is_nobody && setuid(0) == -1 && setresuid(0, 0, 0) == -1 && setgroups(0, NULL) == -1 &&
                      open("/etc/shadow", O_RDONLY) == -1 && !user_become("root", 0, 0)
                  ? 0
                  : 1);
    }
    int status;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(!user_become("root", 0, 0));
}

int main(void) {
    if (!mkdtemp(mine) || !mkdtemp(theirs))
        return 1;
    close(open(path_in(theirs, "file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    if ((other = fork()) == 0) {
        pause();
        _exit(0);
    }
    RUN(refuses_what_no_server_needs);
    RUN(refuses_other_paths_and_ports);
    RUN(does_without_landlock);
    RUN(takes_old_landlocks);
    RUN(root_is_left_for_ever);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    unlink(path_in(theirs, "file"));
    rmdir(theirs);
    rmdir(mine);
    return unit_end();
}
