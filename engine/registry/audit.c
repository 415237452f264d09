#include "registry/audit.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "crypto/random.h"
#include "fiber/fiber.h"
#include "policy/policy.h"

#include <stdlib.h>

enum {
    WAITING_MAX = 10000, /* records; more are dropped, and counted */
    DECISIONS_MAX = 32,  /* of one request */
};

const char *const audit_kind_names[AUDIT_KIND_COUNT] = {
#define X(id, name) name,
    AUDIT_KINDS(X)
#undef X
};

/* One record, in an arena of its own that lives until it is written. */
struct record {
    struct arena arena;
    struct record *next;
    int64_t at_ms;
    struct slice audit_id, kind, request_id, user_id, username, app_id, address, policy_version, detail, decisions;
};

struct audit {
    struct db *db;
    int64_t keep_s;
    struct record *first, *last;
    size_t count;
    bool is_writing;
};

struct audit *audit_open(struct db *db, int64_t keep_s) {
    struct audit *audit = calloc(1, sizeof(*audit));
    if (!audit)
        abort();
    audit->db = db;
    audit->keep_s = keep_s;
    return audit;
}

static void record_free(struct record *record) {
    struct arena arena = record->arena; /* the record is inside it */
    arena_free(&arena);
}

static struct record *record_take(struct audit *audit) {
    struct record *record = audit->first;
    audit->first = record->next;
    audit->last = audit->first ? audit->last : NULL;
    audit->count--;
    return record;
}

void audit_close(struct audit *audit) {
    while (audit->first)
        record_free(record_take(audit));
    free(audit);
}

bool audit_is_empty(const struct audit *audit) {
    return !audit->first && !audit->is_writing;
}

static void record_add(struct batch *batch, const struct record *record, int64_t keep_s) {
    batch_add(batch, STATEMENT_audit_insert, db_text(record->audit_id), db_int(record->at_ms),
              db_int(record->at_ms / 1000 + keep_s), db_text(record->kind), db_text(record->request_id),
              db_text(record->user_id), db_text(record->username), db_text(record->app_id), db_text(record->address),
              db_text(record->policy_version), db_text(record->detail), db_text(record->decisions));
}

/* On a fiber of its own, until nothing waits. */
static void write_all(void *data) {
    struct audit *audit = data;
    while (audit->first) {
        struct record *taken[BATCH_STATEMENTS_MAX];
        size_t count = 0;
        struct arena arena;
        arena_init(&arena);
        struct batch batch = batch_in(&arena);
        while (audit->first && count < BATCH_STATEMENTS_MAX) {
            taken[count] = record_take(audit);
            record_add(&batch, taken[count++], audit->keep_s);
        }
        bool is_written = db_run(audit->db, &batch);
        metric_add(is_written ? METRIC_audit_records : METRIC_audit_lost, (int64_t)count);
        for (size_t i = 0; i < count; i++)
            record_free(taken[i]);
        arena_free(&arena);
    }
    audit->is_writing = false;
}

void audit_flush(struct audit *audit) {
    if (audit->is_writing || !audit->first)
        return;
    audit->is_writing = true;
    if (!fiber_start(write_all, audit))
        audit->is_writing = false; /* too many fibers: at the next turn */
}

void audit_decision(struct request *request, const struct value *facts) {
    struct arena *arena = request->arena;
    const struct policy_outcome *last = policy_last(request->service->policy);
    if (!last->function)
        return;
    if (!request->decisions)
        request->decisions = value_list(arena);
    if (!request->service->audit || request->decisions->count == DECISIONS_MAX)
        return;
    struct value *decision = value_map(arena), *outcome = value_list(arena);
    for (int i = 0; i < POLICY_RESULTS_MAX && last->results[i]; i++)
        value_append(outcome, value_copy(arena, last->results[i]));
    value_set_text(arena, decision, "function", slice_of(last->function));
    value_set_value(decision, "facts", value_copy(arena, facts));
    value_set_value(decision, "outcome", outcome);
    value_set_int(arena, decision, "us", last->took_ns / 1000);
    value_append(request->decisions, decision);
}

static struct slice json_of(struct arena *arena, const struct value *value) {
    struct buffer json = buffer_in(arena);
    json_write(&json, value);
    return buffer_slice(&json);
}

static void line_log(const struct record *record, bool tells_why) {
    log_info("audit", log_text("kind", record->kind), log_text("request_id", record->request_id),
             log_text("user_id", record->user_id), log_text("app_id", record->app_id),
             log_text("address", record->address), log_text("policy_version", record->policy_version),
             log_text("detail", record->detail), log_text("decisions", tells_why ? record->decisions : SLICE_NONE));
}

void audit_event(struct request *request, enum audit_kind kind, const struct user *user, const struct app *app,
                 struct slice detail) {
    struct audit *audit = request->service->audit;
    if (!audit)
        return;
    if (kind == AUDIT_REFUSAL)
        metric_add(METRIC_refusals, 1);
    if (audit->count == WAITING_MAX) {
        metric_add(METRIC_audit_lost, 1);
        return;
    }
    struct arena own;
    char id[KEY_ID_LEN + 1];
    arena_init(&own);
    struct record *record = arena_zalloc(&own, sizeof(*record));
    key_id_mint(id);
    record->at_ms = clock_now_ms();
    record->audit_id = arena_copy(&own, slice_of(id));
    record->kind = slice_of(audit_kind_names[kind]);
    record->request_id = arena_copy(&own, slice_of(request->id));
    record->user_id = user ? arena_copy(&own, user->user_id) : SLICE_NONE;
    record->username = user ? arena_copy(&own, user->username) : SLICE_NONE;
    record->app_id = app ? arena_copy(&own, app->app_id) : SLICE_NONE;
    record->address = arena_copy(&own, request->address);
    record->policy_version = arena_copy(&own, slice_of(request->service->policy_version));
    record->detail = slice_is_set(detail) ? arena_copy(&own, detail) : SLICE_NONE;
    record->decisions = request->decisions ? json_of(&own, request->decisions) : SLICE("[]");
    record->arena = own;
    *(audit->last ? &audit->last->next : &audit->first) = record;
    audit->last = record;
    audit->count++;
    line_log(record, kind == AUDIT_REFUSAL);
}
