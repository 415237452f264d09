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

static bool complain(struct arena *arena, const char *address, struct slice *error) {
    const char *advice = errno == EADDRINUSE ? "another process listens there; stop it or choose another --listen."
                         : errno == EACCES
                             ? "this user may not; choose a port above 1023 or grant CAP_NET_BIND_SERVICE."
                         : errno == EADDRNOTAVAIL ? "this machine does not have that address."
                                                  : strerror(errno);
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

static bool one_bind(struct arena *arena, struct settings *settings, struct worker *workers, size_t index,
                     struct slice *error) {
    const char *text = settings->listen[index];
    struct sockaddr_storage address;
    socklen_t size;
    if (!address_parse(arena, text, &address, &size)) {
        *error = arena_printf(arena, "--listen %s: give a numeric address and a port, as in 127.0.0.1:8080.", text);
        return false;
    }
    int probe = socket_bind(&address, size, false);
    if (probe < 0)
        return complain(arena, text, error);
    uint16_t port = port_of(probe);
    close(probe);
    if (address.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&address)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)&address)->sin_port = htons(port);
    for (int64_t i = 0; i < settings->workers; i++) {
        workers[i].listen_fds[index] = socket_bind(&address, size, true);
        if (workers[i].listen_fds[index] < 0)
            return complain(arena, text, error);
    }
    struct slice host = {text, (size_t)(strrchr(text, ':') - text)};
    settings->listen[index] = arena_printf(arena, "%.*s:%u", SLICE_ARG(host), port).at;
    return true;
}

bool listeners_bind(struct arena *arena, struct settings *settings, struct worker *workers, struct slice *error) {
    for (size_t i = 0; i < settings->listen_count; i++)
        if (!one_bind(arena, settings, workers, i, error))
            return false;
    return true;
}
