#include "server/watch.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { EVENTS = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE, PATH_MAX_LEN = 1024 };

struct watch {
    int descriptor;
};

/* A subdirectory may be missing. */
static void directory_add(struct watch *watch, const char *directory, const char *below) {
    char path[PATH_MAX_LEN];
    snprintf(path, sizeof(path), "%s%s", directory, below);
    if (inotify_add_watch(watch->descriptor, path, EVENTS) < 0 && !*below)
        log_warn("not_watched", log_string("path", path), log_string("error", strerror(errno)));
}

struct watch *watch_open(const struct settings *settings) {
    struct watch *watch = malloc(sizeof(*watch));
    if (!watch)
        abort();
    watch->descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    directory_add(watch, settings->policies, "");
    directory_add(watch, settings->templates, "");
    directory_add(watch, settings->templates, "/assets");
    directory_add(watch, settings->templates, "/texts");
    return watch;
}

void watch_close(struct watch *watch) {
    close(watch->descriptor);
    free(watch);
}

int watch_descriptor(const struct watch *watch) {
    return watch->descriptor;
}

/* Editors write beside the file and move it; their own files begin with a dot or end in a tilde. */
static bool name_matters(const char *name) {
    size_t len = strlen(name);
    const char *end = strrchr(name, '.');
    if (!len || name[0] == '.' || !end)
        return false;
    static const char *const ends[] = {".lua", ".html", ".css", ".js", ".svg", ".png", ".woff2"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (strcmp(end, ends[i]) == 0)
            return true;
    return false;
}

bool watch_read(struct watch *watch) {
    _Alignas(struct inotify_event) char events[1024];
    bool matters = false;
    ssize_t len;
    while ((len = read(watch->descriptor, events, sizeof(events))) > 0) {
        for (char *at = events; at < events + len;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)at;
            matters = matters || (event->mask & IN_Q_OVERFLOW) || (event->len && name_matters(event->name));
            at += sizeof(*event) + event->len;
        }
    }
    return matters;
}
