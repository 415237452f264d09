/* The command line's end of the control socket. */
#include "server/control.h"

#include "base/json.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 * 1024 };

/* The answer of one server; NULL when nobody listens there any more. */
static struct value *one_ask(struct arena *arena, const char *path, const struct value *request) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        unlink(path); /* it was killed, and could not do so itself */
        return NULL;
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
    return json_parse(arena, (struct slice){answer, slice_find((struct slice){answer, len}, '\n')}, NULL);
}

struct value *control_ask(struct arena *arena, const char *state, const struct value *request) {
    struct value *answers = value_list(arena);
    DIR *directory = opendir(state);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        int pid;
        char end;
        if (sscanf(entry->d_name, "control-%d.soc%c", &pid, &end) != 2)
            continue;
        struct value *answer = one_ask(arena, arena_printf(arena, "%s/%s", state, entry->d_name).at, request);
        if (answer)
            value_append(answers, answer);
    }
    if (directory)
        closedir(directory);
    return answers;
}
