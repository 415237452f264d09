/* Sends each line of stdin as the body of a POST to /idp/token, CONNECTIONS at a time, and prints
 * "ANSWERS GOOD SECONDS".
 *
 *   exchange_load PORT CONNECTIONS < bodies */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1024, ANSWER_MAX = 8192, REQUEST_MAX = 4096 };

static struct client {
    int fd;
    char answer[ANSWER_MAX];
    size_t len;
} clients[CONNECTIONS_MAX];

static size_t answers, good;

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool send_next(struct client *client) {
    static char body[REQUEST_MAX], request[REQUEST_MAX + 256];
    if (!fgets(body, sizeof(body), stdin))
        return false;
    body[strcspn(body, "\n")] = '\0';
    int len = snprintf(request, sizeof(request),
                       "POST /idp/token HTTP/1.1\r\nHost: localhost\r\n"
                       "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n\r\n%s",
                       strlen(body), body);
    client->len = 0;
    return send(client->fd, request, (size_t)len, MSG_NOSIGNAL) == len;
}

/* True when the answer is whole. */
static bool read_more(struct client *client) {
    ssize_t got = recv(client->fd, client->answer + client->len, ANSWER_MAX - 1 - client->len, 0);
    if (got <= 0) {
        fprintf(stderr, "the server closed the connection\n");
        exit(1);
    }
    client->len += (size_t)got;
    client->answer[client->len] = '\0';
    const char *head = strstr(client->answer, "\r\n\r\n"), *length = strcasestr(client->answer, "content-length:");
    if (!head || !length || client->len < (size_t)(head + 4 - client->answer) + (size_t)atoi(length + 15))
        return false;
    answers++;
    good += strncmp(client->answer, "HTTP/1.1 200", 12) == 0;
    return true;
}

int main(int count, char **words) {
    if (count != 3)
        return 2;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int connections = atoi(words[2]), open = 0, poll = epoll_create1(0), on = 1;
    for (int i = 0; i < connections && i < CONNECTIONS_MAX; i++) {
        clients[i].fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(clients[i].fd, (struct sockaddr *)&address, sizeof(address)))
            return 1;
        setsockopt(clients[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
        epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].fd, &event);
    }
    double start = now_s();
    for (int i = 0; i < connections; i++)
        open += send_next(&clients[i]);
    while (open > 0) {
        struct epoll_event events[64];
        int ready = epoll_wait(poll, events, 64, 10000);
        if (ready <= 0)
            return 1;
        for (int i = 0; i < ready; i++)
            if (read_more(events[i].data.ptr) && !send_next(events[i].data.ptr))
                open--;
    }
    printf("%zu %zu %.6f\n", answers, good, now_s() - start);
    return 0;
}
