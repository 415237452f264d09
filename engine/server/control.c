#include "server/control.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "crypto/random.h"
#include "server/watch.h"
#include "server/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    SETTLE_MS = 100,      /* an editor writes several times: reload when it has been quiet so long */
    REQUEST_MAX = 4096,   /* bytes of a command */
    CLIENT_TIMEOUT_S = 5, /* to send it, and to read the answer */
    EVENT_STOP = 1 << 30, /* added to the event's counter; a reload adds 1 */
    SOCKET_TAG_LEN = 6,
};

struct control {
    const struct server_config *config;
    struct worker *workers;
    int64_t worker_count;
    struct edition *edition; /* that serves */
    struct edition *shadow;  /* a candidate beside it, or NULL */
    struct arena differing;  /* what of its data differs: names */
    struct value *differences;
    int64_t edition_number;
    pthread_t thread;
    int event, socket;
    char socket_path[sizeof(((struct sockaddr_un *)NULL)->sun_path)]; /* "": none is there yet */
    struct watch *watch;                                              /* NULL: no */
};

/* --- the swap --- */

struct latch {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int64_t left;
};

/* What a worker is given: a generation to serve from now on, or (generation NULL) a shadow for the one it has. */
struct handover {
    struct completion completion;
    struct worker *worker;
    struct generation *generation;
    struct edition *shadow;
    struct policy *candidate;
    struct latch *latch;
};

/* On the worker's thread, between two requests. */
static void handover_run(struct completion *completion) {
    struct handover *handover = H2O_STRUCT_FROM_MEMBER(struct handover, completion, completion);
    struct latch *latch = handover->latch;
    if (handover->generation)
        worker_adopt(handover->worker, handover->generation);
    else
        generation_shadow(handover->worker->generation, handover->shadow, handover->candidate);
    pthread_mutex_lock(&latch->mutex);
    latch->left--;
    pthread_cond_signal(&latch->changed);
    pthread_mutex_unlock(&latch->mutex);
}

/* One for each worker; returns when every worker has it. */
static void hand_over(struct control *control, struct handover *handovers) {
    struct latch latch = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, control->worker_count};
    for (int64_t i = 0; i < control->worker_count; i++) {
        handovers[i].completion.run = handover_run;
        handovers[i].worker = &control->workers[i];
        handovers[i].latch = &latch;
        worker_post(&control->workers[i], &handovers[i].completion);
    }
    pthread_mutex_lock(&latch.mutex);
    while (latch.left > 0)
        pthread_cond_wait(&latch.changed, &latch.mutex);
    pthread_mutex_unlock(&latch.mutex);
}

static struct handover *handovers_new(const struct control *control, struct arena *arena) {
    return arena_zalloc(arena, (size_t)control->worker_count * sizeof(struct handover));
}

/* Of the shadow, for each worker; all or none. */
static bool candidates_open(struct control *control, struct arena *arena, struct edition *shadow,
                            struct handover *handovers, struct slice *error) {
    for (int64_t i = 0; i < control->worker_count; i++) {
        handovers[i].shadow = shadow;
        handovers[i].candidate = generation_candidate_open(arena, shadow, control->config->settings, error);
        if (handovers[i].candidate)
            continue;
        while (i-- > 0)
            policy_close(handovers[i].candidate);
        return false;
    }
    return true;
}

static bool generations_open(struct control *control, struct arena *arena, struct edition *edition,
                             struct handover *handovers, struct slice *error) {
    int64_t made = 0;
    for (; made < control->worker_count; made++) {
        handovers[made].generation =
            generation_open(arena, edition, control->config->settings, control->config->keyring, error);
        if (!handovers[made].generation)
            break;
    }
    bool is_good = made == control->worker_count;
    while (!is_good && made-- > 0)
        generation_close(handovers[made].generation);
    return is_good;
}

/* The new generations go on with the shadow. False when it cannot be opened for them: then it ends, and that is told.
 */
static bool shadow_carry(struct control *control, struct arena *arena, struct handover *handovers) {
    struct slice error = SLICE_NONE;
    if (!control->shadow)
        return true;
    if (!candidates_open(control, arena, control->shadow, handovers, &error)) {
        log_warn("shadow_ended", log_string("policy_version", control->shadow->version), log_text("error", error));
        return false;
    }
    for (int64_t i = 0; i < control->worker_count; i++)
        generation_shadow(handovers[i].generation, control->shadow, handovers[i].candidate);
    return true;
}

static void shadow_set(struct control *control, struct edition *shadow) {
    if (control->shadow)
        edition_release(control->shadow);
    control->shadow = shadow;
    metric_info_set(INFO_shadow_stopped, SLICE_NONE);
    metric_info_set(INFO_shadow, shadow ? slice_of(shadow->version) : SLICE_NONE);
}

/* Data is read, not decided: what of it differs is told when it does, once. The workers' policies do not change but by
 * this thread. */
static void data_compare(struct control *control) {
    arena_free(&control->differing);
    arena_init(&control->differing);
    const struct policy *policy = control->workers[0].generation->service.policy;
    control->differences =
        control->shadow ? policy_shadow_differences(&control->differing, policy) : value_list(&control->differing);
    metric_add(METRIC_shadow_differences, (int64_t)control->differences->count);
    for (const struct value *name = control->differences->first; name; name = name->next)
        log_info("shadow_difference", log_text("data", name->text));
}

static bool reload(struct control *control, struct arena *arena, struct slice *error) {
    struct edition *edition = edition_open(arena, control->config->settings, error);
    struct handover *handovers = handovers_new(control, arena);
    bool is_good = edition && generations_open(control, arena, edition, handovers, error);
    if (is_good) {
        bool is_carried = shadow_carry(control, arena, handovers);
        hand_over(control, handovers);
        if (!is_carried)
            shadow_set(control, NULL);
        data_compare(control);
        edition_release(control->edition);
        control->edition = edition;
        control->edition_number++;
        metric_add(METRIC_reloads, 1);
        metric_set(METRIC_last_reload, clock_now_s());
        metric_info_set(INFO_policy, slice_of(edition->version));
        metric_info_set(INFO_reload_error, SLICE_NONE);
        log_info("reloaded", log_int("edition", control->edition_number),
                 log_string("policy_version", edition->version));
    } else {
        if (edition)
            edition_release(edition);
        metric_add(METRIC_reload_failures, 1);
        metric_set(METRIC_last_reload, clock_now_s());
        metric_info_set(INFO_reload_error, *error);
        log_warn("reload_failed", log_text("error", *error));
    }
    log_flush();
    return is_good;
}

/* directory absent: none from now on. */
static bool shadow_change(struct control *control, struct arena *arena, struct slice directory, struct slice *error) {
    struct handover *handovers = handovers_new(control, arena);
    struct edition *shadow = NULL;
    if (slice_is_set(directory)) {
        shadow = edition_candidate_open(arena, control->config->settings, arena_string(arena, directory), error);
        if (!shadow)
            return false;
        if (!candidates_open(control, arena, shadow, handovers, error)) {
            edition_release(shadow);
            return false;
        }
    }
    hand_over(control, handovers);
    shadow_set(control, shadow);
    data_compare(control);
    log_info("shadow", log_string("policy_version", shadow ? shadow->version : "none"));
    log_flush();
    return true;
}

static void reload_alone(struct control *control) {
    struct arena arena;
    struct slice error;
    arena_init(&arena);
    reload(control, &arena, &error);
    arena_free(&arena);
}

/* --- the socket --- */

static struct value *answer_state(struct control *control, struct arena *arena) {
    struct value *answer = value_map(arena);
    value_set_bool(arena, answer, "ok", true);
    value_set_int(arena, answer, "edition", control->edition_number);
    value_set_text(arena, answer, "policy_version", slice_of(control->edition->version));
    value_set_text(arena, answer, "shadow_version", control->shadow ? slice_of(control->shadow->version) : SLICE_NONE);
    return answer;
}

/* With what came of the shadow so far. */
static struct value *answer_shadow(struct control *control, struct arena *arena) {
    struct value *answer = answer_state(control, arena);
    struct shadow_record *record = control->shadow ? &control->shadow->record : NULL;
    if (!record)
        return answer;
    value_set_int(arena, answer, "decisions", atomic_load(&record->decisions));
    value_set_int(arena, answer, "differences", atomic_load(&record->differences));
    value_set_int(arena, answer, "failures", atomic_load(&record->failures));
    value_set_text(arena, answer, "stopped", metric_info_get(arena, INFO_shadow_stopped));
    value_set_value(answer, "data_that_differs", value_copy(arena, control->differences));
    return answer;
}

static struct value *obey(struct control *control, struct arena *arena, const struct value *request) {
    struct slice command = value_get_text(request, "command"), error = SLICE_NONE;
    if (slice_is(command, "reload"))
        return reload(control, arena, &error) ? answer_state(control, arena) : control_failure(arena, error);
    if (slice_is(command, "shadow"))
        return shadow_change(control, arena, value_get_text(request, "directory"), &error)
                   ? answer_shadow(control, arena)
                   : control_failure(arena, error);
    if (slice_is(command, "shadow_status"))
        return answer_shadow(control, arena);
    return control_failure(arena, SLICE("there is no such command."));
}

/* One line, or what came until the peer stopped. */
static struct slice line_read(struct arena *arena, int socket) {
    char *text = arena_alloc(arena, REQUEST_MAX);
    size_t len = 0;
    while (len < REQUEST_MAX && !memchr(text, '\n', len)) {
        ssize_t got = recv(socket, text + len, REQUEST_MAX - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    return (struct slice){text, slice_find((struct slice){text, len}, '\n')};
}

static void line_write(struct arena *arena, int socket, const struct value *value) {
    struct buffer json = buffer_in(arena);
    json_write(&json, value);
    buffer_add_byte(&json, '\n');
    for (size_t at = 0; at < json.len;) {
        ssize_t sent = send(socket, json.at + at, json.len - at, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        at += (size_t)sent;
    }
}

static void timeouts_set(int socket) {
    const struct timeval limit = {.tv_sec = CLIENT_TIMEOUT_S};
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static void client_serve(struct control *control) {
    int client = accept4(control->socket, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0)
        return;
    struct arena arena;
    arena_init(&arena);
    timeouts_set(client);
    struct value *request = json_parse(&arena, line_read(&arena, client), NULL);
    line_write(&arena, client,
               request ? obey(control, &arena, request) : control_failure(&arena, SLICE("send one JSON object.")));
    close(client);
    arena_free(&arena);
}

/* It has its name only when somebody listens behind it: whoever finds it dead may remove it. The name is random: in
 * containers that share the directory every server may be process 1. */
static bool socket_open(struct control *control, struct arena *arena, const char *state, struct slice *error) {
    struct sockaddr_un draft = {.sun_family = AF_UNIX};
    char tag[SOCKET_TAG_LEN + 1];
    random_base62(tag, SOCKET_TAG_LEN);
    const char *path = arena_printf(arena, "%s/control-%d-%s.sock", state, (int)getpid(), tag).at;
    if (strlen(path) >= sizeof(control->socket_path)) {
        *error = arena_printf(arena, "The path of the state directory is too long for a socket in it: %s", state);
        return false;
    }
    snprintf(draft.sun_path, sizeof(draft.sun_path), "%s/control-%d-%s.new", state, (int)getpid(), tag);
    control->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_bound = control->socket >= 0 && bind(control->socket, (struct sockaddr *)&draft, sizeof(draft)) == 0;
    if (is_bound && chmod(draft.sun_path, 0600) == 0 && listen(control->socket, 8) == 0 &&
        rename(draft.sun_path, path) == 0) {
        strcpy(control->socket_path, path);
        return true;
    }
    *error = arena_printf(arena, "The control socket %s cannot be made: %s.", path, strerror(errno));
    if (is_bound)
        unlink(draft.sun_path);
    return false;
}

/* --- the thread --- */

static void *control_main(void *data) {
    struct control *control = data;
    bool is_changing = false; /* files change: reload when they stop */
    for (;;) {
        struct pollfd waits[] = {{control->event, POLLIN, 0},
                                 {control->socket, POLLIN, 0},
                                 {control->watch ? watch_descriptor(control->watch) : -1, POLLIN, 0}};
        int ready = poll(waits, 3, is_changing ? SETTLE_MS : -1);
        uint64_t events = 0;
        if (ready < 0)
            continue;
        if ((waits[0].revents & POLLIN) && read(control->event, &events, sizeof(events)) == sizeof(events) &&
            events >= EVENT_STOP)
            break;
        if (waits[2].revents & POLLIN)
            is_changing = watch_read(control->watch) || is_changing;
        if (events || (is_changing && ready == 0)) {
            is_changing = false;
            reload_alone(control);
        }
        if (waits[1].revents & POLLIN)
            client_serve(control);
    }
    log_flush();
    arena_pool_drain();
    return NULL;
}

static void control_free(struct control *control) {
    if (control->watch)
        watch_close(control->watch);
    if (control->socket >= 0)
        close(control->socket);
    if (*control->socket_path)
        unlink(control->socket_path);
    if (control->event >= 0)
        close(control->event);
    if (control->shadow)
        edition_release(control->shadow);
    edition_release(control->edition);
    arena_free(&control->differing);
    free(control);
}

struct control *control_start(struct arena *arena, const struct server_config *config, struct worker *workers,
                              int64_t worker_count, struct edition *edition, struct slice *error) {
    struct control *control = h2o_mem_alloc(sizeof(*control));
    *control = (struct control){
        .config = config,
        .workers = workers,
        .worker_count = worker_count,
        .edition = edition,
        .edition_number = 1,
        .event = eventfd(0, EFD_CLOEXEC),
        .socket = -1,
    };
    arena_init(&control->differing);
    control->differences = value_list(&control->differing);
    edition_retain(edition);
    if (config->settings->watch)
        control->watch = watch_open(config->settings);
    metric_info_set(INFO_policy, slice_of(edition->version));
    metric_set(METRIC_last_reload, clock_now_s());
    if (control->event < 0) {
        *error = arena_printf(arena, "The control thread cannot be woken: %s.", strerror(errno));
    } else if (socket_open(control, arena, config->settings->state, error)) {
        int failed = pthread_create(&control->thread, NULL, control_main, control);
        if (!failed)
            return control;
        *error = arena_printf(arena, "The control thread cannot be started: %s.", strerror(failed));
    }
    control_free(control);
    return NULL;
}

static void event_send(struct control *control, uint64_t event) {
    while (write(control->event, &event, sizeof(event)) < 0 && errno == EINTR)
        ;
}

void control_reload(struct control *control) {
    event_send(control, 1);
}

void control_stop(struct control *control) {
    event_send(control, EVENT_STOP);
    pthread_join(control->thread, NULL);
    control_free(control);
}
