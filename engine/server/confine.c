#include "server/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A sanitizer looks at the process from a child of its own, and starts a program that knows the names of lines. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_SANITIZED = true };
#else
enum { IS_SANITIZED = false };
#endif

/* --- Landlock: paths and ports --- */

/* As linux/landlock.h has it since 6.12; a kernel takes a longer one than it knows when the rest is 0. */
struct ruleset {
    uint64_t paths, ports, scopes;
};
enum {
    PATHS_TRUNCATE = 1 << 14,     /* ABI 3 */
    PATHS_DEVICE = 1 << 15,       /* ABI 5: ioctl on devices */
    PORTS_BIND = 1 << 0,          /* ABI 4 */
    SCOPES_ALL = 1 << 0 | 1 << 1, /* ABI 6: other processes' abstract sockets; signals to them */
    WRITES = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
             LANDLOCK_ACCESS_FS_MAKE_SOCK, /* what a database and a control socket need */
    NOWHERE = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_CHAR |
              LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
              LANDLOCK_ACCESS_FS_MAKE_SYM,
};

static void path_allow(int ruleset, const char *path, uint64_t what) {
    struct landlock_path_beneath_attr rule = {.allowed_access = what, .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0)
        return;
    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
}

/* All is refused that this kernel can refuse, but for reading: what libraries read (authorities, resolv.conf,
 * passwords, modules of nsswitch) is theirs to know, and so are the directories that an operator may name later. */
static bool landlock_begin(const char *const *writable, size_t count) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1)
        return false;
    uint64_t writes = (uint64_t)WRITES | (abi >= 3 ? PATHS_TRUNCATE : 0);
    const struct ruleset refused = {
        .paths = writes | NOWHERE | (abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0) | (abi >= 5 ? PATHS_DEVICE : 0),
        .ports = abi >= 4 ? PORTS_BIND : 0,
        .scopes = abi >= 6 ? SCOPES_ALL : 0,
    };
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &refused, sizeof(refused), 0);
    if (ruleset < 0)
        return false;
    for (size_t i = 0; i < count; i++)
        path_allow(ruleset, writable[i], writes);
    path_allow(ruleset, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE | (writes & PATHS_TRUNCATE));
    if (IS_SANITIZED)
        path_allow(ruleset, "/", LANDLOCK_ACCESS_FS_EXECUTE);
    bool is_begun = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    close(ruleset);
    return is_begun;
}

/* --- seccomp: system calls --- */

/* Refused with EPERM, whatever their arguments: programs, other processes, the machine, its time, its users; and ways
 * into the kernel that nothing here needs. What libraries ask for and is not here goes on: they know best. */
static const int refused[] = {
    SCMP_SYS(acct),
    SCMP_SYS(add_key),
    SCMP_SYS(adjtimex),
    SCMP_SYS(bpf),
    SCMP_SYS(capset),
    SCMP_SYS(chroot),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(clock_settime),
    SCMP_SYS(delete_module),
    SCMP_SYS(fanotify_init),
    SCMP_SYS(finit_module),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fsopen),
    SCMP_SYS(fspick),
    SCMP_SYS(init_module),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(ioperm),
    SCMP_SYS(iopl),
    SCMP_SYS(kcmp),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(kexec_load),
    SCMP_SYS(keyctl),
    SCMP_SYS(memfd_create),
    SCMP_SYS(memfd_secret),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    SCMP_SYS(modify_ldt),
    SCMP_SYS(mount),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(move_mount),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(open_tree),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(personality),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(pivot_root),
    SCMP_SYS(process_madvise),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(quotactl),
    SCMP_SYS(quotactl_fd),
    SCMP_SYS(reboot),
    SCMP_SYS(request_key),
    SCMP_SYS(setdomainname),
    SCMP_SYS(setfsgid),
    SCMP_SYS(setfsuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(sethostname),
    SCMP_SYS(setns),
    SCMP_SYS(setregid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setreuid),
    SCMP_SYS(settimeofday),
    SCMP_SYS(setuid),
    SCMP_SYS(shmat),
    SCMP_SYS(swapoff),
    SCMP_SYS(swapon),
    SCMP_SYS(syslog),
    SCMP_SYS(umount2),
    SCMP_SYS(unshare),
    SCMP_SYS(uselib),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(vhangup),
    SCMP_SYS(vm86),
    SCMP_SYS(vm86old),
};
static const int refused_but_for_sanitizers[] = {
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(ptrace), SCMP_SYS(vfork),
};

static bool calls_refuse(scmp_filter_ctx filter, const int *calls, size_t count) {
    bool is_good = true;
    for (size_t i = 0; i < count; i++) /* -EDOM: this machine has no such call */
        is_good = is_good && (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0) % -EDOM) == 0;
    return is_good;
}

static bool call_refuse(scmp_filter_ctx filter, int call, struct scmp_arg_cmp when) {
    return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), call, 1, &when) == 0;
}

/* Threads are made, processes are not. What clone3 is asked for lies in memory that no filter sees; glibc makes do with
 * clone where it is not there. */
static bool processes_refuse(scmp_filter_ctx filter) {
    return IS_SANITIZED || (call_refuse(filter, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)) &&
                            seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0);
}

/* Signals and limits are for this process: nor does the kernel send any for it, when input comes, to whom it names. And
 * what it was started from gets no keys pressed: a shell runs them. (The kernel reads 32 bits of these arguments.) */
static bool others_refuse(scmp_filter_ctx filter) {
    scmp_datum_t own = (scmp_datum_t)getpid();
    return call_refuse(filter, SCMP_SYS(kill), SCMP_A0(SCMP_CMP_NE, own, 0)) &&
           call_refuse(filter, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_NE, own, 0)) &&
           call_refuse(filter, SCMP_SYS(rt_sigqueueinfo), SCMP_A0(SCMP_CMP_NE, own, 0)) &&
           call_refuse(filter, SCMP_SYS(rt_tgsigqueueinfo), SCMP_A0(SCMP_CMP_NE, own, 0)) &&
           call_refuse(filter, SCMP_SYS(prlimit64), SCMP_A0(SCMP_CMP_NE, 0, 0)) &&
           call_refuse(filter, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, F_SETOWN)) &&
           call_refuse(filter, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, F_SETOWN_EX)) &&
           call_refuse(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, FIOSETOWN)) &&
           call_refuse(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, SIOCSPGRP)) &&
           call_refuse(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, TIOCSTI)) &&
           call_refuse(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, TIOCLINUX));
}

/* Memory that was written is never run (shmat would make some that is): code comes from files. (The policies' JIT is
 * off.) */
static bool code_refuse(scmp_filter_ctx filter) {
    const struct scmp_arg_cmp written[] = {SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC)};
    const struct scmp_arg_cmp of_no_file[] = {SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC),
                                              SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS)};
    return IS_SANITIZED ||
           (seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mmap), 1, written) == 0 &&
            seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mmap), 2, of_no_file) == 0 &&
            call_refuse(filter, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC)) &&
            call_refuse(filter, SCMP_SYS(pkey_mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC)));
}

/* Sockets: local ones, the internet's, and the kernel's list of addresses, which name look-ups read. */
static bool sockets_refuse(scmp_filter_ctx filter) {
    bool is_good = call_refuse(filter, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_GT, AF_NETLINK, 0));
    for (scmp_datum_t family = 0; family < AF_NETLINK; family++)
        if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
            is_good = is_good && call_refuse(filter, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, family, 0));
    return is_good;
}

static bool seccomp_begin(void) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool is_begun =
        filter && calls_refuse(filter, refused, sizeof(refused) / sizeof(*refused)) &&
        (IS_SANITIZED || calls_refuse(filter, refused_but_for_sanitizers,
                                      sizeof(refused_but_for_sanitizers) / sizeof(*refused_but_for_sanitizers))) &&
        processes_refuse(filter) && others_refuse(filter) && code_refuse(filter) && sockets_refuse(filter) &&
        seccomp_load(filter) == 0;
    if (filter)
        seccomp_release(filter);
    return is_begun;
}

struct confinement confine(const char *const *writable, size_t count) {
    struct confinement done = {0};
    /* Landlock first: seccomp may refuse what comes after it. Both need this: no program that is started gains rights.
     */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return done;
    done.has_landlock = landlock_begin(writable, count);
    done.has_seccomp = seccomp_begin();
    return done;
}

/* --- another user --- */

/* With every user and group id that there is changed, nothing leads back; look, since much depends on it. */
static bool has_way_back(uid_t user, gid_t group) {
    uid_t real_user, effective_user, saved_user;
    gid_t real_group, effective_group, saved_group;
    return getresuid(&real_user, &effective_user, &saved_user) != 0 || real_user != user || effective_user != user ||
           saved_user != user || getresgid(&real_group, &effective_group, &saved_group) != 0 || real_group != group ||
           effective_group != group || saved_group != group || setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0;
}

bool user_become(const char *name, uid_t user, gid_t group) {
    return user != 0 && group != 0 && initgroups(name, group) == 0 && setresgid(group, group, group) == 0 &&
           setresuid(user, user, user) == 0 && !has_way_back(user, group);
}
