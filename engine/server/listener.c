#include "server/wire.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>

/* What the kernel keeps of a connection that is not read, and so what one read of it brings at most (it takes twice the
 * number): bodies have 64 KiB. */
enum { BACKLOG = 1024, RECEIVE_BYTES = 128 * 1024 };

/* getaddrinfo takes any number, and keeps its lower 16 bits. */
static bool port_is_valid(const char *text) {
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 5 && text[digits] == '\0' && atoi(text) <= UINT16_MAX;
}

/* "ADDR:PORT", "[::1]:PORT". False when it is not of that form. */
static bool address_parse(struct arena *arena, const char *text, struct sockaddr_storage *address, socklen_t *size) {
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || !port_is_valid(colon + 1))
        return false;
    struct slice host = {text, (size_t)(colon - text)};
    if (host.at[0] == '[' && host.at[host.len - 1] == ']')
        host = (struct slice){host.at + 1, host.len - 2};
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (getaddrinfo(arena_string(arena, host), colon + 1, &hints, &found) != 0)
        return false;
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *size = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

/* With SO_REUSEPORT the workers share the port: the kernel spreads connections over them. Without, it
 * fails when anybody else has it, which is how a taken port is noticed. */
static int socket_bind(const struct sockaddr_storage *address, socklen_t size, bool shared) {
    int on = 1, receive_bytes = RECEIVE_BYTES,
        fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes)); /* connections have it from here */
    if (shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (address->ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)address, size) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static bool complain(struct arena *arena, const char *address, int why, struct slice *error) {
    const char *advice = why == EADDRINUSE ? "another process listens there; stop it or choose another --listen."
                         : why == EACCES ? "this user may not; choose a port above 1023 or grant CAP_NET_BIND_SERVICE."
                         : why == EADDRNOTAVAIL ? "this machine does not have that address."
                                                : strerror(why);
    *error = arena_printf(arena, "cannot listen on %s: %s", address, advice);
    return false;
}

static uint16_t port_of(int fd) {
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

/* 0, or why not. Every worker has it then, at that index of its list. */
static int workers_bind(struct sockaddr_storage *address, socklen_t size, struct listeners *listeners, size_t index) {
    int probe = socket_bind(address, size, false);
    if (probe < 0)
        return errno;
    uint16_t port = port_of(probe);
    close(probe);
    if (address->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)address)->sin_port = htons(port);
    for (int64_t i = 0; i < listeners->worker_count; i++)
        if ((listeners->fds[i][index] = socket_bind(address, size, true)) < 0)
            return errno;
    return 0;
}

/* Adds `text` to the settings' list, with the port that the kernel chose for 0. False with *error, and *why. */
static bool one_bind(struct arena *arena, struct settings *settings, struct listeners *listeners, const char *text,
                     int *why, struct slice *error) {
    struct sockaddr_storage address;
    socklen_t size;
    *why = EINVAL;
    if (settings->listen_count == LISTEN_MAX) {
        *error = arena_printf(arena, "there can be %d addresses to listen on, localhost being two.", LISTEN_MAX);
        return false;
    }
    if (!address_parse(arena, text, &address, &size)) {
        *error =
            arena_printf(arena, "--listen %s: give a numeric address or localhost, and a port: 127.0.0.1:8080.", text);
        return false;
    }
    *why = workers_bind(&address, size, listeners, settings->listen_count);
    if (*why)
        return complain(arena, text, *why, error);
    struct slice host = {text, (size_t)(strrchr(text, ':') - text)};
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address;
    const struct sockaddr_in *four = (const struct sockaddr_in *)&address;
    settings->listen[settings->listen_count++] =
        arena_printf(arena, "%.*s:%u", SLICE_ARG(host),
                     ntohs(address.ss_family == AF_INET6 ? six->sin6_port : four->sin_port))
            .at;
    return true;
}

/* Both loopbacks at the same port: clients take localhost for the one or the other. A machine may lack one of them. */
static bool localhost_bind(struct arena *arena, struct settings *settings, struct listeners *listeners,
                           const char *port, struct slice *error) {
    static const char *const hosts[] = {"127.0.0.1", "[::1]"};
    size_t before = settings->listen_count;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
        int why;
        if (one_bind(arena, settings, listeners, arena_printf(arena, "%s:%s", hosts[i], port).at, &why, error))
            port = strrchr(settings->listen[settings->listen_count - 1], ':') + 1;
        else if (why != EADDRNOTAVAIL && why != EAFNOSUPPORT)
            return false;
    }
    return settings->listen_count > before;
}

struct listeners *listeners_open(struct arena *arena, struct settings *settings, struct slice *error) {
    struct listeners *listeners =
        arena_zalloc(arena, sizeof(*listeners) + (size_t)settings->workers * sizeof(listeners->fds[0]));
    listeners->worker_count = settings->workers;
    const char *asked[LISTEN_MAX];
    size_t count = settings->listen_count;
    memcpy(asked, settings->listen, sizeof(asked));
    settings->listen_count = 0;
    static const char localhost[] = "localhost:";
    for (size_t i = 0; i < count; i++) {
        int why;
        bool is_localhost = strncmp(asked[i], localhost, strlen(localhost)) == 0;
        if (is_localhost ? !localhost_bind(arena, settings, listeners, asked[i] + strlen(localhost), error)
                         : !one_bind(arena, settings, listeners, asked[i], &why, error))
            return NULL;
    }
    return listeners;
}
