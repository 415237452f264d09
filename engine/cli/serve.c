/* moonlatch serve */
#include "cli/command.h"

#include "base/log.h"
#include "cli/demo.h"
#include "cli/state.h"
#include "registry/signing_keys.h"
#include "server/confine.h"
#include "server/server.h"

#include <errno.h>
#include <malloc.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Requests come in bursts: what they free at the top of a heap is kept for the next one. */
enum { HEAP_KEPT_BYTES = 32 << 20 };

/* Every server brings the keys that are missing: the first start makes them. */
static bool keys_prepare(struct workplace *workplace, struct rows **keys, struct slice *error) {
    enum error failed = signing_keys_prepare(&workplace->request);
    if (!failed)
        failed = signing_keys_read(&workplace->request, keys);
    if (failed)
        *error = workplace_error(workplace, failed);
    return !failed;
}

/* --user: what needs root (the ports) is done; what is opened from here on can be opened again at a reload. */
static bool root_leave(struct command_line *line, struct slice *error) {
    const struct settings *settings = &line->settings;
    if (!settings->user) {
        if (geteuid() == 0)
            log_warn("runs_as_root", log_string("advice", "give --user NAME, or start it as a user of its own"));
        return true;
    }
    const struct passwd *found = getpwnam(settings->user);
    uid_t user = found ? found->pw_uid : 0;
    gid_t group = found ? found->pw_gid : 0;
    if (found && user != 0 && user == geteuid())
        return true;
    if (!found || user == 0)
        *error = arena_printf(line->arena, "--user %s: there is no such user, or it is root.", settings->user);
    else if (geteuid() != 0)
        *error = arena_printf(line->arena, "--user %s: only root can become somebody else.", settings->user);
    else if (state_hand_over(line->arena, settings->state, user, group, error)) {
        if (user_become(settings->user, user, group))
            return true;
        *error = arena_printf(line->arena, "--user %s: root's rights cannot be left behind for ever: %s.",
                              settings->user, strerror(errno));
    }
    return false;
}

/* Before the first thread; what cannot be had is told, and no reason to stay away. */
static void confine_for_ever(struct command_line *line) {
    const struct settings *settings = &line->settings;
    const char *writable[] = {settings->state, store_directory(line->arena, settings->database)};
    struct confinement done = {0};
    mkdir(settings->state, 0700); /* while that can be; keyring_open says why it is not there */
    if (!settings->no_confine)
        done = confine(writable, writable[1] ? 2 : 1);
    const struct log_field fields[] = {
        log_string("seccomp", done.has_seccomp ? "yes" : "no"),
        log_string("landlock", done.has_landlock ? "yes" : "no"),
        log_string("asked", settings->no_confine ? "no" : "yes"),
    };
    bool is_less = !settings->no_confine && !(done.has_seccomp && done.has_landlock);
    log_event(is_less ? LOG_WARN : LOG_INFO, "confinement", fields, sizeof(fields) / sizeof(*fields));
}

int command_serve(struct command_line *line) {
    struct workplace workplace = {0};
    mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_BYTES);
    struct slice error;
    int status = EXIT_REFUSED;
    struct rows *keys = NULL;
    struct listeners *listeners = listeners_open(line->arena, &line->settings, &error);
    if (!listeners || !root_leave(line, &error))
        return refuse(error);
    confine_for_ever(line);
    if (workplace_open(&workplace, line, &error) && (!line->settings.demo || demo_prepare(&workplace, &error)) &&
        keys_prepare(&workplace, &keys, &error)) {
        /* The server opens a handle and a policy per worker. */
        db_close(workplace.db);
        workplace.db = NULL;
        struct server_config config = {
            .settings = &line->settings,
            .listeners = listeners,
            .keyring = workplace.keyring,
            .store = workplace.store,
            .signing_keys = keys,
        };
        status = server_run(line->arena, &config, &error);
    }
    if (status != EXIT_DONE)
        refuse(error);
    workplace_close(&workplace);
    return status;
}
