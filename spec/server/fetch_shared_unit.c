#include "../../engine/server/fetch_shared.c"

#include "../store/fixture.h"
#include "../unit/unit.h"
#include "server/offload.h"
#include "web.h"

#include <signal.h>

static struct settings settings = {.outgoing_private = true, .outgoing_timeout_ms = 5000};
static struct service service = {.settings = &settings};
static struct pipe_inbox inbox;
static struct web web;

static void begin(void) {
    web_begin(&web, NULL);
    pipe_inbox_begin(&inbox);
    service.inbox = &inbox.inbox;
    service.outgoing = offload_open(4, 400);
}

static void end(void) {
    offload_close(service.outgoing);
    pipe_inbox_end(&inbox);
    web_end(&web);
    while (table.first)
        asked_remove(table.first);
}

struct visit {
    const char *path;
    int status;
    bool is_good, is_own, is_back;
    char why[128], answer[32];
};

static void visit(void *data) {
    struct visit *self = data;
    struct arena own; /* as a request has */
    arena_init(&own);
    struct fetch fetch = {
        .method = "GET", .url = arena_printf(&own, "http://127.0.0.1:%d%s", web.port, self->path), .answer_max = 100};
    self->is_good = fetch_shared(&own, &service, &fetch, &self->is_own);
    self->status = fetch.status;
    snprintf(self->why, sizeof(self->why), "%.*s", SLICE_ARG(fetch.why));
    snprintf(self->answer, sizeof(self->answer), "%.*s", SLICE_ARG(fetch.answer));
    self->is_back = true;
    arena_free(&own);
}

static struct visit visit_once(const char *path) {
    struct visit one = {.path = path};
    CHECK(fiber_start(visit, &one));
    while (!one.is_back && pipe_inbox_turn(&inbox, 10000))
        ;
    CHECK(one.is_back);
    return one;
}

/* Whether it may be asked again now, as if that time had passed. */
static void time_passes(int64_t ms) {
    for (struct asked *asked = table.first; asked; asked = asked->next)
        asked->again_at_ms -= ms;
}

static void many_have_one_answer(void) {
    enum { COUNT = 1 + FETCH_WAITERS_MAX + 3 };
    static struct visit visits[COUNT];
    int own = 0, refused_count = 0;
    begin();
    for (int i = 0; i < COUNT; i++) {
        visits[i] = (struct visit){.path = "/good"};
        CHECK(fiber_start(visit, &visits[i]));
    }
    while (fiber_count() && pipe_inbox_turn(&inbox, 10000))
        ;
    for (int i = 0; i < COUNT; i++) {
        bool is_refused = strcmp(visits[i].why, "too many wait for it") == 0;
        own += visits[i].is_own;
        refused_count += is_refused;
        CHECK(visits[i].is_back && visits[i].is_good == !is_refused);
        CHECK(is_refused || (visits[i].status == 200 && strcmp(visits[i].answer, "{\"good\":true}") == 0));
    }
    CHECK(own == 1 && refused_count == 3 && web.requests == 1 && !table.first);
    end();
}

static void what_fails_is_not_asked_all_the_time(void) {
    static const struct {
        const char *path;
        int status;
    } failures[] = {{"/missing", 404}, {"/moved", 302}};
    begin();
    for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++) {
        int requests = web.requests;
        int64_t pause = FETCH_AGAIN_MS;
        struct visit first = visit_once(failures[i].path);
        CHECK(!first.is_good && first.is_own && first.status == failures[i].status);
        for (int n = 1; n < 8; n++) {
            struct visit again = visit_once(failures[i].path);
            CHECK(!again.is_good && !again.is_own && again.status == failures[i].status);
            CHECK(strstr(again.why, "is not asked yet") && web.requests == requests + n);
            time_passes(pause - 1000);
            CHECK(!visit_once(failures[i].path).is_own);
            time_passes(1000);
            CHECK(visit_once(failures[i].path).is_own);
            pause = 2 * pause < FETCH_AGAIN_MAX_MS ? 2 * pause : FETCH_AGAIN_MAX_MS;
        }
        time_passes(2 * FETCH_AGAIN_MAX_MS + 1000); /* long ago: it begins anew */
        CHECK(visit_once(failures[i].path).is_own);
        CHECK(asked_find(slice_of(table.first->url))->failures == 1);
    }
    CHECK(visit_once("/good").is_good && visit_once("/good").is_own);
    end();
}

static void remembers_so_many_and_no_more(void) {
    for (int i = 0; i < FETCH_URLS_MAX + 10; i++) {
        char url[32];
        snprintf(url, sizeof(url), "http://%d.example/", i);
        struct asked *asked = asked_add(slice_of(url));
        asked->again_at_ms = 1000 + i;
        asked->is_in_flight = i < 2;
    }
    CHECK(table.count == FETCH_URLS_MAX);
    CHECK(asked_find(SLICE("http://0.example/")) && asked_find(SLICE("http://1.example/")));
    CHECK(!asked_find(SLICE("http://2.example/")) && !asked_find(SLICE("http://11.example/")));
    CHECK(asked_find(SLICE("http://12.example/")));
    while (table.first)
        asked_remove(table.first);
    CHECK(table.count == 0);
}

/* Workers are threads: of each the same is asked, and one that fails among them. */
static void *worker(void *data) {
    struct pipe_inbox own;
    struct service its = service;
    (void)data;
    pipe_inbox_begin(&own);
    its.inbox = &own.inbox;
    for (int i = 0; i < 50; i++) {
        struct arena at;
        arena_init(&at);
        struct fetch fetch = {
            .method = "GET",
            .url = arena_printf(&at, "http://127.0.0.1:%d%s%d", web.port, i % 5 ? "/good?" : "/missing?", i / 10),
            .answer_max = 100};
        bool is_own;
        bool is_good = fetch_shared(&at, &its, &fetch, &is_own); /* without a fiber */
        if (fetch.status == 200 && !is_good)
            abort();
        arena_free(&at);
    }
    pipe_inbox_end(&own);
    return NULL;
}

static void threads_share_it(void) {
    pthread_t threads[4];
    begin();
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, worker, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(table.count == 5); /* the five that fail */
    end();
}

int main(void) {
    signal(SIGPIPE, SIG_IGN); /* as the server does */
    RUN(many_have_one_answer);
    RUN(what_fails_is_not_asked_all_the_time);
    RUN(remembers_so_many_and_no_more);
    RUN(threads_share_it);
    fiber_pool_drain();
    arena_pool_drain();
    return unit_end();
}
