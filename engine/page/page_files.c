#include "page/page_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What an editor leaves behind (".#login.html", "login.html~") is none of ours. */
static bool is_wanted(const char *name, const char *suffix) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    size_t len = strlen(name), suffix_len = strlen(suffix);
    return name[0] != '.' && name[strspn(name, allowed)] == '\0' && len > suffix_len &&
           strcmp(name + len - suffix_len, suffix) == 0;
}

static bool broken(struct arena *arena, struct slice *error, struct slice path, const char *what) {
    *error = arena_printf(arena, "%.*s: %s", SLICE_ARG(path), what);
    return false;
}

/* Sets *is_file to false for what is no regular file. */
static bool read_file(struct arena *arena, struct page_file *file, bool *is_file, struct slice *error) {
    *is_file = false;
    int fd = open(arena_string(arena, file->path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return broken(arena, error, file->path, strerror(errno));
    struct stat status;
    const char *what = fstat(fd, &status) ? strerror(errno) : NULL;
    *is_file = !what && S_ISREG(status.st_mode);
    if (*is_file && status.st_size > PAGE_FILE_SIZE_MAX)
        what = "the file is too large";
    if (*is_file && !what) {
        size_t size = (size_t)status.st_size, len = 0;
        char *bytes = arena_alloc(arena, size + 1);
        ssize_t got = 1;
        while (len < size && (got = read(fd, bytes + len, size - len)) > 0)
            len += (size_t)got;
        if (got < 0)
            what = strerror(errno);
        bytes[len] = '\0';
        file->bytes = (struct slice){bytes, len};
    }
    close(fd);
    return what ? broken(arena, error, file->path, what) : true;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct page_file *)a)->name.at, ((const struct page_file *)b)->name.at);
}

static bool read_all(struct arena *arena, DIR *listing, const char *directory, const char *suffix,
                     struct page_file *files, size_t *count, struct slice *error) {
    for (struct dirent *entry; (entry = readdir(listing));) {
        if (!is_wanted(entry->d_name, suffix))
            continue;
        if (*count == PAGE_FILES_MAX)
            return broken(arena, error, slice_of(directory), "too many files");
        struct page_file *file = &files[*count];
        bool is_file;
        file->name = arena_copy(arena, slice_of(entry->d_name));
        file->path = arena_printf(arena, "%s/%s", directory, entry->d_name);
        if (!read_file(arena, file, &is_file, error))
            return false;
        *count += is_file;
    }
    qsort(files, *count, sizeof(*files), by_name);
    return true;
}

bool page_files_read(struct arena *arena, const char *directory, const char *suffix, bool required,
                     struct page_file **files, size_t *count, struct slice *error) {
    *files = arena_alloc(arena, PAGE_FILES_MAX * sizeof(**files));
    *count = 0;
    DIR *listing = opendir(directory);
    if (!listing)
        return (!required && errno == ENOENT) || broken(arena, error, slice_of(directory), strerror(errno));
    bool is_read = read_all(arena, listing, directory, suffix, *files, count, error);
    closedir(listing);
    return is_read;
}

bool page_files_over(struct arena *arena, const char *shipped, const char *own, const char *below, const char *suffix,
                     struct page_file **files, size_t *count, struct slice *error) {
    struct page_file *over;
    size_t over_count;
    const char *from = arena_printf(arena, "%s%s", shipped, below).at, *to = arena_printf(arena, "%s%s", own, below).at;
    if (!page_files_read(arena, to, suffix, !*below, &over, &over_count, error) ||
        !page_files_read(arena, from, suffix, false, files, count, error))
        return false;
    for (size_t i = 0; i < over_count; i++) {
        size_t at = 0;
        while (at < *count && !slice_equal((*files)[at].name, over[i].name))
            at++;
        if (at == PAGE_FILES_MAX)
            return broken(arena, error, slice_of(own), "too many files");
        (*files)[at] = over[i];
        *count = at == *count ? at + 1 : *count;
    }
    return true;
}
