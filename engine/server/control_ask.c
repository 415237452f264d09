/* The command line's end of the control socket. */
#include "server/control.h"

#include "base/json.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 * 1024 };

struct value *control_failure(struct arena *arena, struct slice error) {
    struct value *answer = value_map(arena);
    value_set_bool(arena, answer, "ok", false);
    value_set_text(arena, answer, "error", error);
    return answer;
}

static struct value *unreachable(struct arena *arena, const char *path, const char *why) {
    return control_failure(arena, arena_printf(arena, "the control socket %s cannot be reached: %s.", path, why));
}

/* The answer of one server, or why it cannot be asked; NULL when nobody listens there any more. */
static struct value *one_ask(struct arena *arena, const char *path, const struct value *request) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (length < 0 || (size_t)length >= sizeof(address.sun_path))
        return unreachable(arena, path, "the path is too long; give --state a shorter one");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return unreachable(arena, path, strerror(errno));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        int error = errno;
        close(fd);
        /* Of a socket file that is there, ECONNREFUSED alone says that nobody listens: a server that was killed left
         * it. */
        if (error == ECONNREFUSED)
            unlink(path);
        return error == ECONNREFUSED || error == ENOENT ? NULL : unreachable(arena, path, strerror(error));
    }
    struct buffer line = buffer_in(arena);
    json_write(&line, request);
    buffer_add_byte(&line, '\n');
    char *answer = arena_alloc(arena, ANSWER_MAX);
    size_t len = 0;
    if (send(fd, line.at, line.len, MSG_NOSIGNAL) == (ssize_t)line.len) {
        ssize_t got;
        while (len < ANSWER_MAX && (got = recv(fd, answer + len, ANSWER_MAX - len, 0)) > 0)
            len += (size_t)got;
    }
    close(fd);
    struct value *parsed =
        json_parse(arena, (struct slice){answer, slice_find((struct slice){answer, len}, '\n')}, NULL);
    return parsed ? parsed : unreachable(arena, path, "the server did not answer");
}

static bool is_control_socket(struct slice name) {
    return slice_starts(name, "control-") && name.len > 5 && slice_is(slice_from(name, name.len - 5), ".sock");
}

struct value *control_ask(struct arena *arena, const char *state, const struct value *request) {
    struct value *answers = value_list(arena);
    DIR *directory = opendir(state);
    if (!directory && errno != ENOENT)
        value_append(answers, control_failure(arena, arena_printf(arena, "the state directory %s cannot be read: %s.",
                                                                  state, strerror(errno))));
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (!is_control_socket(slice_of(entry->d_name)))
            continue;
        struct value *answer = one_ask(arena, arena_printf(arena, "%s/%s", state, entry->d_name).at, request);
        if (answer)
            value_append(answers, answer);
    }
    if (directory)
        closedir(directory);
    return answers;
}
