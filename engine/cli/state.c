#include "cli/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GROUPS_MAX = 256 };

/* The group of its owner, or one that this process is in. */
static bool group_is_ours(const struct stat *about) {
    gid_t groups[GROUPS_MAX];
    int count = getgroups(GROUPS_MAX, groups);
    for (int i = 0; i < count; i++)
        if (groups[i] == about->st_gid)
            return true;
    const struct passwd *owner = getpwuid(about->st_uid);
    return about->st_gid == getegid() || (owner && owner->pw_gid == about->st_gid);
}

bool state_check(struct arena *arena, const char *directory, struct slice *error) {
    struct stat about;
    if (stat(directory, &about) != 0 || !S_ISDIR(about.st_mode))
        return true; /* who opens something in it says what is wrong */
    bool is_anybodys = (about.st_mode & S_IWOTH) || ((about.st_mode & S_IWGRP) && !group_is_ours(&about));
    bool is_another_users = about.st_uid != geteuid() && about.st_uid != 0 && geteuid() != 0;
    if (is_anybodys)
        *error = arena_printf(arena,
                              "%s: may be written by others, who could put another secret or database there; run "
                              "`chmod go-w` on it, and look at what is in it.",
                              directory);
    else if (is_another_users)
        *error = arena_printf(arena, "%s: belongs to another user; start the server as that user.", directory);
    return !is_anybodys && !is_another_users;
}

static bool complain(struct arena *arena, const char *path, struct slice *error) {
    *error = arena_printf(arena, "%s: cannot be given to the user of --user: %s.", path, strerror(errno));
    return false;
}

/* Plain files of root's; a link is left alone, wherever it leads, and so is a file that has a second name. */
static bool files_hand_over(DIR *files, uid_t user, gid_t group) {
    struct stat about;
    for (struct dirent *entry; (entry = readdir(files));)
        if (fstatat(dirfd(files), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(about.st_mode) &&
            about.st_uid == 0 && about.st_nlink == 1 &&
            fchownat(dirfd(files), entry->d_name, user, group, AT_SYMLINK_NOFOLLOW) != 0)
            return false;
    return true;
}

bool state_hand_over(struct arena *arena, const char *directory, uid_t user, gid_t group, struct slice *error) {
    if ((mkdir(directory, 0700) != 0 && errno != EEXIST))
        return complain(arena, directory, error);
    if (!state_check(arena, directory, error))
        return false;
    DIR *files = opendir(directory);
    bool is_theirs = files && fchown(dirfd(files), user, group) == 0 && files_hand_over(files, user, group);
    int why = errno;
    if (files)
        closedir(files);
    errno = why;
    return is_theirs || complain(arena, directory, error);
}
