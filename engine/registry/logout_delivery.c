#include "registry/logout_delivery.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "crypto/random.h"
#include "registry/signing_keys.h"
#include "server/fetch.h"
#include "store/record.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    LOOK_MS = 5000, /* for what others have left behind; this process' own wakes us */
    TOKEN_S = 120,  /* §2.4: "preferably at most two minutes in the future" */
    ANSWER_MAX = 64 * 1024,
    AT_WORK_MAX = 64,   /* more than there are threads, or those of one host would keep others out */
    WAITING_MAX = 1000, /* rows of an app that are put off at once */
};

struct logout_deliveries {
    _Atomic bool is_woken; /* something may be due that nobody has looked for */
    size_t at_work;
    int64_t next_look_ms;
};

struct logout_deliveries *logout_deliveries_open(void) {
    struct logout_deliveries *deliveries = calloc(1, sizeof(*deliveries));
    if (!deliveries)
        abort();
    return deliveries;
}

void logout_deliveries_close(struct logout_deliveries *deliveries) {
    free(deliveries);
}

void logout_deliveries_wake(const struct service *service) {
    if (service->deliveries)
        atomic_store(&service->deliveries->is_woken, true);
}

bool logout_deliver_is_due(const struct logout_deliveries *deliveries, int64_t now_ms) {
    return deliveries->at_work < AT_WORK_MAX &&
           (now_ms >= deliveries->next_look_ms || atomic_load(&deliveries->is_woken));
}

/* A row, taken for one attempt. */
struct delivery {
    struct slice delivery_id, user_id, session_id;
    int64_t attempts, expires_at_s;
    struct app app;
    bool has_app; /* it is there, and still has a URI */
};

/* How long after the first, the second, … attempt has failed. */
static int64_t back_off_s(int64_t attempts) {
    static const int64_t steps[] = {1, 5, 30, 120, 600, 3600};
    int64_t last = sizeof(steps) / sizeof(*steps);
    return steps[(attempts < last ? attempts : last) - 1];
}

/* An attempt is over by then, or whoever made it is. */
static int64_t attempt_s(const struct settings *settings) {
    return (3 * settings->outgoing_timeout_ms + settings->store_timeout_ms) / 1000 + 1;
}

/* Whether one is due now; if not, we look again when one will be. */
static bool is_any_due(struct request *request) {
    struct logout_deliveries *deliveries = request->service->deliveries;
    struct batch batch = batch_in(request->arena);
    struct rows *first = batch_add_values(&batch, STATEMENT_logout_delivery_next, NULL, 0);
    if (!db_run(request->service->db, &batch) || row_is_null(first, 0, "next_at"))
        return false;
    int64_t wait_ms = row_int(first, 0, "next_at") * 1000 - clock_now_ms();
    if (wait_ms > 0 && clock_monotonic_ms() + wait_ms < deliveries->next_look_ms)
        deliveries->next_look_ms = clock_monotonic_ms() + wait_ms;
    return wait_ms <= 0;
}

/* Writes only when there is something to take. */
static bool take(struct request *request, struct rows **rows) {
    if (!is_any_due(request))
        return false;
    int64_t now_s = clock_now_s();
    char attempt_id[KEY_ID_LEN + 1];
    key_id_mint(attempt_id);
    struct batch batch = batch_in(request->arena);
    *rows = batch_add(&batch, STATEMENT_logout_delivery_take, db_int(now_s),
                      db_int(now_s + attempt_s(request->service->settings)), db_text(slice_of(attempt_id)));
    return db_run(request->service->db, &batch) && (*rows)->count;
}

static bool read(struct request *request, const struct rows *rows, struct delivery *delivery) {
    *delivery = (struct delivery){
        .delivery_id = row_text(rows, 0, "delivery_id"),
        .user_id = row_text(rows, 0, "user_id"),
        .session_id = row_text(rows, 0, "session_id"),
        .attempts = row_int(rows, 0, "attempts"),
        .expires_at_s = row_int(rows, 0, "expires_at"),
        .app.app_id = row_text(rows, 0, "app_id"),
    };
    struct batch batch = batch_in(request->arena);
    struct rows *apps = batch_add(&batch, STATEMENT_app_by_id, db_text(delivery->app.app_id));
    if (!db_run(request->service->db, &batch))
        return false;
    if (apps->count)
        delivery->app = app_from(apps, 0);
    delivery->has_app = apps->count && slice_is_set(delivery->app.metadata.backchannel_logout_uri);
    return true;
}

/* §2.4. The jti is of the attempt: an app that has failed may take the next one. */
static struct slice token_make(struct request *request, const struct delivery *delivery, enum error *error) {
    struct arena *arena = request->arena;
    struct value *claims = value_map(arena), *events = value_map(arena);
    enum jose_alg alg = JOSE_RS256;
    jose_alg_from(delivery->app.metadata.id_token_signed_response_alg, &alg);
    int64_t now_s = clock_now_s();
    value_set_value(events, "http://schemas.openid.net/event/backchannel-logout", value_map(arena));
    value_set_text(arena, claims, "iss", request->service->settings->issuer);
    value_set_text(arena, claims, "sub", delivery->user_id);
    value_set_text(arena, claims, "aud", delivery->app.client_id);
    value_set_int(arena, claims, "iat", now_s);
    value_set_int(arena, claims, "exp", now_s + TOKEN_S);
    value_set_text(arena, claims, "jti",
                   arena_printf(arena, "%.*s.%lld", SLICE_ARG(delivery->delivery_id), (long long)delivery->attempts));
    value_set_value(claims, "events", events);
    value_set_text(arena, claims, "sid", delivery->session_id);
    return jwt_sign(request, alg, "logout+jwt", claims, now_s + TOKEN_S, error);
}

enum outcome { TAKEN, REFUSED, FAILED };

static enum outcome outcome_of(int status) {
    if (status >= 200 && status < 300)
        return TAKEN;
    return status >= 400 && status < 500 && status != 408 && status != 429 ? REFUSED : FAILED;
}

/* §2.5. */
static enum outcome post(struct request *request, const struct delivery *delivery, int *status, struct slice *why) {
    enum error error;
    struct slice token = token_make(request, delivery, &error);
    *status = 0;
    *why = SLICE("it could not be signed");
    if (error)
        return FAILED;
    struct fetch fetch = {
        .method = "POST",
        .url = delivery->app.metadata.backchannel_logout_uri,
        .content_type = SLICE("application/x-www-form-urlencoded"),
        .body = arena_printf(request->arena, "logout_token=%.*s", SLICE_ARG(token)),
        .answer_max = ANSWER_MAX,
        .threads = request->service->logouts,
    };
    fetch_run(request->arena, request->service, &fetch);
    *status = fetch.status;
    *why = fetch.status ? SLICE_NONE : fetch.why;
    return outcome_of(fetch.status);
}

static void line_log(enum log_level level, const char *event, const struct delivery *delivery, int status,
                     struct slice why) {
    log_event(level, event,
              LOG_FIELDS(log_text("delivery_id", delivery->delivery_id), log_text("app_id", delivery->app.app_id),
                         log_int("attempt", delivery->attempts), log_int("status", status), log_text("why", why)));
}

static void drop(struct batch *batch, const struct delivery *delivery, int status, struct slice why) {
    batch_add(batch, STATEMENT_logout_delivery_end, db_text(delivery->delivery_id));
    metric_add(METRIC_logout_dropped, 1);
    line_log(LOG_WARN, "logout_dropped", delivery, status, why);
}

static void try_again(struct batch *batch, const struct delivery *delivery, int status, struct slice why) {
    int64_t now_s = clock_now_s(), next_s = now_s + back_off_s(delivery->attempts);
    metric_add(METRIC_logout_failed, 1);
    if (next_s >= delivery->expires_at_s) {
        drop(batch, delivery, status, why);
        return;
    }
    line_log(LOG_INFO, "logout_failed", delivery, status, why);
    batch_add(batch, STATEMENT_logout_delivery_wait, db_text(delivery->app.app_id), db_int(now_s), db_int(next_s),
              db_int(WAITING_MAX), db_int(delivery->attempts));
    batch_add(batch, STATEMENT_logout_delivery_retry, db_text(delivery->delivery_id), db_int(delivery->attempts),
              db_int(next_s));
}

static void attempt(struct request *request, const struct delivery *delivery) {
    int status = 0;
    struct slice why = SLICE("the app is gone, or wants none any more");
    enum outcome outcome = delivery->has_app ? post(request, delivery, &status, &why) : REFUSED;
    struct batch batch = batch_in(request->arena);
    switch (outcome) {
    case TAKEN:
        batch_add(&batch, STATEMENT_logout_delivery_end, db_text(delivery->delivery_id));
        metric_add(METRIC_logout_delivered, 1);
        line_log(LOG_INFO, "logout_delivered", delivery, status, why);
        break;
    case REFUSED:
        drop(&batch, delivery, status, why);
        break;
    case FAILED:
        try_again(&batch, delivery, status, why);
        break;
    }
    db_run(request->service->db, &batch); /* or it is tried once more */
}

/* False when there is nothing to do. */
static bool deliver_one(const struct service *service) {
    struct arena arena;
    arena_init(&arena);
    struct request *request = arena_alloc(&arena, sizeof(*request)); /* it is large, and a fiber's stack is not */
    *request = (struct request){.arena = &arena, .service = service, .id = "logout"};
    struct delivery *delivery = arena_alloc(&arena, sizeof(*delivery));
    struct rows *rows;
    bool is_taken = take(request, &rows) && read(request, rows, delivery);
    if (is_taken) {
        logout_deliveries_wake(service); /* for one more beside this, if there are more */
        attempt(request, delivery);
    }
    arena_free(&arena);
    return is_taken;
}

void logout_deliver(const struct service *service, bool (*goes_on)(const void *data), const void *data) {
    struct logout_deliveries *deliveries = service->deliveries;
    deliveries->at_work++;
    do {
        /* Whatever is queued from here on is looked for again. */
        atomic_store(&deliveries->is_woken, false);
        deliveries->next_look_ms = clock_monotonic_ms() + LOOK_MS;
    } while (deliver_one(service) && goes_on(data));
    deliveries->at_work--;
}
