/* What a machine does not have: its sockets are refused as a kernel without IPv6, or without either loopback, does. */
#include <errno.h>
#include <sys/socket.h>

static int absent_family; /* of which a socket is not to be had, or AF_UNSPEC */
static int absent_errno;

static int socket_or_absent(int family, int type, int protocol) {
    if (family != absent_family)
        return socket(family, type, protocol);
    errno = absent_errno;
    return -1;
}

#include "server/wire.h"
#define socket socket_or_absent
#include "../../engine/server/listener.c"
#undef socket

#include "../unit/unit.h"

static struct arena arena;
static struct settings settings;
static struct listeners *listeners;
static struct slice error;

static bool binds(const char *first, const char *second) {
    settings = (struct settings){.listen = {first, second}, .listen_count = second ? 2 : 1, .workers = 2};
    error = SLICE_NONE;
    listeners = listeners_open(&arena, &settings, &error);
    for (size_t i = 0; listeners && i < settings.listen_count; i++) {
        for (int64_t worker = 0; worker < 2; worker++) {
            CHECK(port_of(listeners->fds[worker][i]) == atoi(strrchr(settings.listen[i], ':') + 1));
            close(listeners->fds[worker][i]);
        }
    }
    return listeners;
}

static bool says(const char *words) {
    return strstr(arena_string(&arena, error), words) != NULL;
}

static bool listens(size_t index, const char *host) {
    return index < settings.listen_count && strncmp(settings.listen[index], host, strlen(host)) == 0;
}

static void localhost_is_the_loopback_that_there_is(void) {
    absent_family = AF_INET6;
    absent_errno = EAFNOSUPPORT;
    CHECK(binds("localhost:0", "127.0.0.2:0"));
    CHECK(settings.listen_count == 2 && listens(0, "127.0.0.1:") && listens(1, "127.0.0.2:"));
    absent_family = AF_INET;
    absent_errno = EADDRNOTAVAIL;
    CHECK(binds("localhost:0", NULL));
    CHECK(settings.listen_count == 1 && listens(0, "[::1]:"));
}

static void an_address_that_was_asked_for_must_be_there(void) {
    absent_family = AF_INET6;
    absent_errno = EAFNOSUPPORT;
    CHECK(!binds("[::1]:0", NULL) && slice_is_set(error));
    CHECK(!binds("127.0.0.1:0", "[::1]:0"));
}

static void another_reason_is_none_to_go_on(void) {
    absent_family = AF_INET6;
    absent_errno = EACCES;
    CHECK(!binds("localhost:0", NULL));
    CHECK(says("[::1]:") && says("grant CAP_NET_BIND_SERVICE."));
}

static void addresses_are_counted_as_they_are_bound(void) {
    absent_family = AF_UNSPEC;
    settings = (struct settings){.workers = 1, .listen_count = LISTEN_MAX};
    for (size_t i = 0; i < LISTEN_MAX; i++)
        settings.listen[i] = "127.0.0.1:0";
    settings.listen[LISTEN_MAX - 1] = "localhost:0";
    CHECK(!listeners_open(&arena, &settings, &error) && says("localhost being two."));
}

int main(void) {
    arena_init(&arena);
    RUN(localhost_is_the_loopback_that_there_is);
    RUN(an_address_that_was_asked_for_must_be_there);
    RUN(another_reason_is_none_to_go_on);
    RUN(addresses_are_counted_as_they_are_bound);
    arena_free(&arena);
    return unit_end();
}
