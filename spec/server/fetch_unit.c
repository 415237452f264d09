#include "../../engine/server/fetch.c"

#include "../store/fixture.h"
#include "../unit/unit.h"
#include "base/metrics.h"
#include "fiber/fiber.h"
#include "web.h"

#include <dlfcn.h>
#include <netdb.h>
#include <signal.h>

/* What is a public address, whoever spells it: by the ranges of RFC 6890 and what wraps them. */
static bool public(const char *text) {
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in4.sin_addr) == 1)
        return is_public((const struct sockaddr *)(const void *)&in4);
    if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
        abort();
    return is_public((const struct sockaddr *)(const void *)&in6);
}

static void knows_public_addresses(void) {
    static const char *const yes[] = {
        "1.1.1.1",    "8.8.8.8",      "11.0.0.1",     "9.255.255.255", "100.63.255.255",    "100.128.0.1",
        "172.15.0.1", "172.32.0.1",   "192.167.1.1",  "192.169.0.1",   "198.17.0.1",        "198.20.0.1",
        "223.1.1.1",  "2606:4700::1", "2a00:1450::1", "2400:cb00::",   "2002:0808:0808::1", "::ffff:8.8.8.8"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
        CHECK(public(yes[i]));
        if (!public(yes[i]))
            printf("# %s\n", yes[i]);
    }
}

static void knows_all_others(void) {
    static const char *const no[] = {
        "0.0.0.0",       "0.1.2.3",          "10.0.0.1",        "10.255.255.255",  "100.64.0.1",      "100.127.255.255",
        "127.0.0.1",     "127.255.255.254",  "169.254.169.254", "172.16.0.1",      "172.31.255.255",  "192.0.0.1",
        "192.0.2.1",     "192.88.99.1",      "192.168.0.1",     "198.18.0.1",      "198.19.255.255",  "198.51.100.1",
        "203.0.113.1",   "224.0.0.1",        "239.1.1.1",       "240.0.0.1",       "255.255.255.255", "::",
        "::1",           "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",  "fc00::1",
        "fd12:3456::1",  "fe80::1",          "ff02::1",         "2001:db8::1",     "2001::1",         "2001:20::1",
        "2002:7f00:1::", "2002:a00:1::1",    "100::1",          "::7f00:1",        "4000::1",         "2001:10::1",
        "3fff::1",
    };
    for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++) {
        CHECK(!public(no[i]));
        if (public(no[i]))
            printf("# %s\n", no[i]);
    }
}

/* In place of libc's, for libcurl, too: a resolver that hangs, and a name that leads inside. */
enum { RESOLVER_HANGS_MS = 1500 };

int getaddrinfo(const char *name, const char *service_name, const struct addrinfo *hints, struct addrinfo **found) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (strcmp(name, "hangs.test") == 0) {
        usleep(RESOLVER_HANGS_MS * 1000);
        return EAI_AGAIN;
    }
    return real(strcmp(name, "inside.test") == 0 ? "127.0.0.1" : name, service_name, hints, found);
}

static struct arena arena;
static struct settings settings;
static struct service service;

static void begin(void) {
    arena_init(&arena);
    settings = (struct settings){.outgoing_private = true, .outgoing_timeout_ms = 5000};
    service = (struct service){.settings = &settings};
}

static void end(void) {
    arena_free(&arena);
}

static bool ask(struct fetch *fetch, const char *scheme, const char *host, const struct web *web, const char *path) {
    if (!fetch->method)
        fetch->method = "GET";
    if (!fetch->answer_max)
        fetch->answer_max = 1000;
    fetch->url = arena_printf(&arena, "%s://%s:%d%s", scheme, host, web->port, path);
    return fetch_run(&arena, &service, fetch);
}

static bool says(const struct fetch *fetch, const char *what) {
    bool does = strstr(arena_string(&arena, fetch->why), what) != NULL;
    if (!does)
        printf("# \"%.*s\" does not say \"%s\"\n", SLICE_ARG(fetch->why), what);
    return does && fetch->status == 0 && !fetch->answer.len;
}

static void asks_and_answers(void) {
    struct web web;
    begin();
    web_begin(&web, NULL);
    struct fetch get = {.accept = SLICE("application/json")};
    CHECK(ask(&get, "http", "127.0.0.1", &web, "/good?a=b"));
    CHECK(get.status == 200 && slice_is(get.answer, "{\"good\":true}"));
    CHECK(slice_is(get.media_type, "Application/JSON") && !get.why.len);
    CHECK(strstr(web.asked, "GET /good?a=b HTTP/1.1\r\n") == web.asked);
    CHECK(strcasestr(web.asked, "\r\naccept: application/json\r\n") != NULL);
    CHECK(strcasestr(web.asked, "\r\nuser-agent: moonlatch/" MOONLATCH_VERSION "\r\n") != NULL);
    CHECK(strcasestr(web.asked, "\r\ncontent-type:") == NULL && strcasestr(web.asked, "\r\ncookie:") == NULL);
    struct fetch missing = {.method = "GET"};
    CHECK(ask(&missing, "http", "127.0.0.1", &web, "/missing") && missing.status == 404);
    CHECK(!slice_is_set(missing.media_type) && missing.answer.len == 0);
    web_end(&web);
    end();
}

static void sends_bodies(void) {
    struct web web;
    begin();
    web_begin(&web, NULL);
    struct fetch post = {.method = "POST", .body = SLICE("a=\0b"), .content_type = SLICE("text/x")};
    CHECK(ask(&post, "http", "127.0.0.1", &web, "/good") && post.status == 200);
    CHECK(strstr(web.asked, "POST /good HTTP/1.1\r\n") == web.asked);
    CHECK(strcasestr(web.asked, "\r\ncontent-type: text/x\r\n") != NULL);
    CHECK(web.body_len == 4 && memcmp(web.body, "a=\0b", 4) == 0);
    struct fetch empty = {.method = "POST"};
    CHECK(ask(&empty, "http", "127.0.0.1", &web, "/good") && empty.status == 200);
    CHECK(strstr(web.asked, "POST ") == web.asked && strcasestr(web.asked, "\r\ncontent-length: 0\r\n") != NULL);
    CHECK(strcasestr(web.asked, "\r\ncontent-type:") == NULL);
    struct fetch put = {.method = "PUT", .body = SLICE("x")};
    CHECK(ask(&put, "http", "127.0.0.1", &web, "/good") && strstr(web.asked, "PUT ") == web.asked);
    struct fetch head = {.method = "HEAD"};
    CHECK(ask(&head, "http", "127.0.0.1", &web, "/good") && head.status == 200 && head.answer.len == 0);
    CHECK(strstr(web.asked, "HEAD ") == web.asked);
    web_end(&web);
    end();
}

static void connects_once_for_many(void) {
    struct web web;
    begin();
    web_begin(&web, NULL);
    for (int i = 0; i < 5; i++) {
        struct fetch fetch = {.method = "GET"};
        CHECK(ask(&fetch, "http", "127.0.0.1", &web, "/good"));
    }
    CHECK(web.connections == 1);
    web_end(&web);
    end();
}

static void takes_no_more_than_it_may(void) {
    struct web web;
    begin();
    web_begin(&web, NULL);
    struct fetch exact = {.answer_max = 13}, large = {.answer_max = 12}, endless = {.answer_max = 100000};
    CHECK(ask(&exact, "http", "127.0.0.1", &web, "/good") && exact.answer.len == 13);
    CHECK(!ask(&large, "http", "127.0.0.1", &web, "/good") && says(&large, "too large"));
    CHECK(!ask(&endless, "http", "127.0.0.1", &web, "/endless") && says(&endless, "too large"));
    web_end(&web);
    end();
}

static int64_t time_of(struct fetch *fetch, const struct web *web, const char *host, const char *path) {
    int64_t start_ms = clock_monotonic_ms();
    CHECK(!ask(fetch, "http", host, web, path));
    return clock_monotonic_ms() - start_ms;
}

static void waits_no_longer_than_it_may(void) {
    struct web web;
    begin();
    web_begin(&web, NULL);
    settings.outgoing_timeout_ms = 300;
    struct fetch silent = {.method = "GET"}, drips = {.timeout_ms = 60000}, soon = {.timeout_ms = 100};
    int64_t took_ms = time_of(&silent, &web, "127.0.0.1", "/silent");
    CHECK(took_ms >= 290 && took_ms < 1200 && says(&silent, "imed out"));
    took_ms = time_of(&drips, &web, "127.0.0.1", "/drips");
    CHECK(took_ms >= 290 && took_ms < 1200 && says(&drips, "imed out"));
    settings.outgoing_timeout_ms = 20000;
    took_ms = time_of(&soon, &web, "127.0.0.1", "/silent");
    CHECK(took_ms >= 90 && took_ms < 5000);
    web_end(&web);
    end();
}

/* The resolver cannot be stopped; what it comes to later is nobody's. */
static void does_not_wait_for_a_resolver(void) {
    struct web web;
    begin();
    web_begin(&web, NULL);
    settings.outgoing_timeout_ms = 200;
    struct fetch hangs = {.method = "GET"}, good = {.method = "GET"};
    int64_t took_ms = time_of(&hangs, &web, "hangs.test", "/good");
    CHECK(took_ms < RESOLVER_HANGS_MS - 300 && says(&hangs, "timed out"));
    settings.outgoing_timeout_ms = 5000;
    CHECK(ask(&good, "http", "127.0.0.1", &web, "/good"));
    usleep(RESOLVER_HANGS_MS * 1000); /* it ends, and finds nothing that is gone */
    web_end(&web);
    end();
}

static void goes_nowhere_else(void) {
    struct web web;
    begin();
    web_begin(&web, NULL);
    setenv("http_proxy", "http://127.0.0.1:9", 1);
    struct fetch moved = {.method = "GET"};
    CHECK(ask(&moved, "http", "127.0.0.1", &web, "/moved"));
    CHECK(moved.status == 302 && web.requests == 1);
    unsetenv("http_proxy");
    web_end(&web);
    end();
}

static void refuses_addresses_that_are_not_public(void) {
    static const char *const hosts[] = {"127.0.0.1",
                                        "127.1",
                                        "0x7f000001",
                                        "2130706433",
                                        "017700000001",
                                        "0x7f.1",
                                        "0",
                                        "[::1]",
                                        "[::]",
                                        "[::ffff:7f00:1]",
                                        "localhost",

                                        "app.localhost",
                                        "inside.test",
                                        "10.0.0.1",
                                        "[fe80::1]",
                                        "192.168.0.1",
                                        "172.16.0.1",
                                        "100.64.0.1",
                                        "169.254.169.254",
                                        "[fd00:ec2::254]",
                                        "[64:ff9b::7f00:1]",
                                        "[::ffff:127.0.0.1]"};
    struct web web;
    begin();
    web_begin(&web, NULL);
    settings.outgoing_private = false;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
        struct fetch fetch = {.method = "GET"};
        CHECK(!ask(&fetch, "https", hosts[i], &web, "/good"));
        if (!says(&fetch, "not a public one"))
            printf("# %s\n", hosts[i]);
        CHECK(says(&fetch, "not a public one"));
    }
    CHECK(web.connections == 0);
    web_end(&web);
    end();
}

static void refuses_urls_of_other_kinds(void) {
    static const char *const urls[] = {"http://example.com/",
                                       "HTTP://example.com/",
                                       "ftp://example.com/",
                                       "file:///etc/passwd",
                                       "gopher://example.com/",
                                       "example.com",
                                       "https://",
                                       "https://a:b@example.com/",
                                       "https://a@example.com/",
                                       "",
                                       "https://exa mple.com/",
                                       "dict://example.com:11/x",
                                       "//example.com/",
                                       "https://example.com:99999/"};
    begin();
    settings.outgoing_private = false;
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        struct fetch fetch = {.method = "GET", .url = slice_of(urls[i]), .answer_max = 10};
        CHECK(!fetch_run(&arena, &service, &fetch));
        CHECK(says(&fetch, "no https URL"));
    }
    settings.outgoing_private = true;
    struct fetch file = {.method = "GET", .url = SLICE("file:///etc/passwd"), .answer_max = 10};
    CHECK(!fetch_run(&arena, &service, &file) && says(&file, "no http or https URL"));
    end();
}

static void wants_a_certificate_that_is_known(void) {
    struct web web, other;
    struct certificate ours, others;
    struct slice error = SLICE_NONE;
    begin();
    certificate_make(&ours, "IP:127.0.0.1");
    certificate_make(&others, "DNS:other.example");
    web_begin(&web, ours.context);
    web_begin(&other, others.context);
    struct fetch unknown = {.method = "GET"}, known = {.method = "GET"}, wrong = {.method = "GET"};
    CHECK(!ask(&unknown, "https", "127.0.0.1", &web, "/good") && says(&unknown, "certificate"));
    CHECK(web.requests == 0);
    settings.outgoing_ca = ours.file;
    CHECK(ask(&known, "https", "127.0.0.1", &web, "/good") && known.status == 200);
    settings.outgoing_ca = others.file;
    CHECK(!ask(&wrong, "https", "127.0.0.1", &other, "/good") && says(&wrong, "match"));
    CHECK(other.requests == 0);
    CHECK(fetch_begin(&arena, &settings, &error) && !slice_is_set(error));
    settings.outgoing_ca = "/nowhere.pem";
    CHECK(!fetch_begin(&arena, &settings, &error) && slice_starts(error, "outgoing_ca: /nowhere.pem is not"));
    web_end(&web);
    web_end(&other);
    certificate_end(&ours);
    certificate_end(&others);
    end();
}

struct visit {
    const struct web *web;
    const char *path;
    struct fetch fetch;
    bool is_answered, is_back;
};

static void visit(void *data) {
    struct visit *self = data;
    struct arena own; /* as a request has */
    arena_init(&own);
    self->fetch = (struct fetch){.method = "GET",
                                 .url = arena_printf(&own, "http://127.0.0.1:%d%s", self->web->port, self->path),
                                 .answer_max = 100};
    self->is_answered = fetch_run(&own, &service, &self->fetch);
    if (self->is_answered)
        CHECK(slice_is(self->fetch.answer, "{\"good\":true}"));
    self->is_back = true;
    arena_free(&own);
}

static void serves_fibers(void) {
    enum { COUNT = 60 };
    static struct visit visits[COUNT];
    struct pipe_inbox inbox;
    struct web web;
    begin();
    web_begin(&web, NULL);
    pipe_inbox_begin(&inbox);
    service.inbox = &inbox.inbox;
    service.outgoing = offload_open(4, 4 * COUNT); /* of which one host has a quarter */
    for (int i = 0; i < COUNT; i++) {
        visits[i] = (struct visit){.web = &web, .path = "/good"};
        CHECK(fiber_start(visit, &visits[i]));
    }
    for (int i = 0; i < COUNT; i++)
        CHECK(pipe_inbox_turn(&inbox, 10000));
    for (int i = 0; i < COUNT; i++)
        CHECK(visits[i].is_answered && visits[i].fetch.status == 200);
    CHECK(fiber_count() == 0 && web.connections <= 4 && web.requests == COUNT);
    offload_close(service.outgoing);
    pipe_inbox_end(&inbox);
    web_end(&web);
    end();
}

/* Its time is from the call on: those behind servers that hang do not add their times up. */
static void counts_the_wait_for_a_thread(void) {
    enum { COUNT = 12 };
    static struct visit visits[COUNT + 1];
    struct pipe_inbox inbox;
    struct web web;
    begin();
    web_begin(&web, NULL);
    settings.outgoing_timeout_ms = 300;
    pipe_inbox_begin(&inbox);
    service.inbox = &inbox.inbox;
    service.outgoing = offload_open(1, 4 * (COUNT - 1)); /* of which one host has a quarter */
    int64_t start_ms = clock_monotonic_ms();
    for (int i = 0; i <= COUNT; i++) {
        visits[i] = (struct visit){.web = &web, .path = "/silent"};
        CHECK(fiber_start(visit, &visits[i]));
        while (i == 0 && metric_get(METRIC_offload_queue))
            usleep(1000); /* the thread has it; the others fill the queue */
    }
    CHECK(visits[COUNT].is_back && slice_is(visits[COUNT].fetch.why, "too much waits to be fetched"));
    for (int i = 0; i < COUNT; i++)
        CHECK(pipe_inbox_turn(&inbox, 5000));
    int64_t took_ms = clock_monotonic_ms() - start_ms;
    CHECK(took_ms < 1200);
    for (int i = 0; i < COUNT; i++)
        CHECK(visits[i].is_back && !visits[i].is_answered);
    offload_close(service.outgoing);
    pipe_inbox_end(&inbox);
    web_end(&web);
    end();
}

int main(void) {
    signal(SIGPIPE, SIG_IGN); /* as the server does */
    RUN(knows_public_addresses);
    RUN(knows_all_others);
    RUN(asks_and_answers);
    RUN(sends_bodies);
    RUN(connects_once_for_many);
    RUN(takes_no_more_than_it_may);
    RUN(waits_no_longer_than_it_may);
    RUN(does_not_wait_for_a_resolver);
    RUN(goes_nowhere_else);
    RUN(refuses_addresses_that_are_not_public);
    RUN(refuses_urls_of_other_kinds);
    RUN(wants_a_certificate_that_is_known);
    RUN(serves_fibers);
    RUN(counts_the_wait_for_a_thread);
    fiber_pool_drain();
    arena_pool_drain();
    return unit_end();
}
