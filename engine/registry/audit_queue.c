#include "registry/audit_queue.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/tally.h"
#include "fiber/fiber.h"

#include <stdlib.h>

enum {
    WAITING_MAX = 10000, /* records */
    WAITING_BYTES_MAX = 16 * 1024 * 1024,
    WRITTEN_AT_ONCE = BATCH_STATEMENTS_MAX,
    AGAIN_FIRST_MS = 50,
    AGAIN_MAX_MS = 2000,
    REFUSED_MAX = 8, /* times that the store took others since and not this one: that is not by chance */
};

struct waiting {
    struct waiting *next;
    struct audit_record record;
    size_t size;        /* of this block, which has the record's texts behind it */
    int refused;        /* how often the store did not take it, though it took others since */
    int64_t refused_at; /* audit->taken then */
};

struct audit {
    struct db *db;
    int64_t keep_s;
    struct waiting *first, *last;
    size_t count, bytes;
    size_t at_once;    /* how many the next batch may have: one alone behind a failure, which tells whose it is */
    int64_t taken;     /* batches that the store took */
    int64_t failed_at; /* that number, when one failed last */
    int64_t again_ms, due_ms; /* the wait behind a failure, and its end by the monotonic clock */
    bool is_writing;
};

void audit_record_values(const struct audit_record *record, int64_t keep_s, struct db_value values[AUDIT_COLUMNS]) {
    const struct db_value columns[AUDIT_COLUMNS] = {
        db_text(record->audit_id),       db_int(record->at_ms),       db_int(record->at_ms / 1000 + keep_s),
        db_text(record->kind),           db_text(record->request_id), db_text(record->user_id),
        db_text(record->username),       db_text(record->app_id),     db_text(record->address),
        db_text(record->policy_version), db_text(record->detail),     db_text(record->decisions),
    };
    memcpy(values, columns, sizeof(columns));
}

void audit_record_add(struct batch *batch, const struct audit_record *record, int64_t keep_s) {
    struct db_value values[AUDIT_COLUMNS];
    audit_record_values(record, keep_s, values);
    batch_add_values(batch, STATEMENT_audit_insert, values, AUDIT_COLUMNS);
}

static void lost(size_t count) {
    static struct tally tally;
    metric_add(METRIC_audit_lost, (int64_t)count);
    int64_t told = tally_add(&tally, (int64_t)count);
    if (told)
        log_error("audit_lost", log_int("count", told));
}

struct audit *audit_open(struct db *db, int64_t keep_s) {
    struct audit *audit = calloc(1, sizeof(*audit));
    if (!audit)
        abort();
    audit->db = db;
    audit->keep_s = keep_s;
    audit->at_once = WRITTEN_AT_ONCE;
    audit->again_ms = AGAIN_FIRST_MS;
    audit->failed_at = -1;
    return audit;
}

static struct waiting *take_first(struct audit *audit) {
    struct waiting *waiting = audit->first;
    audit->first = waiting->next;
    audit->last = audit->first ? audit->last : NULL;
    audit->count--;
    audit->bytes -= waiting->size;
    return waiting;
}

static void put_last(struct audit *audit, struct waiting *waiting) {
    waiting->next = NULL;
    *(audit->last ? &audit->last->next : &audit->first) = waiting;
    audit->last = waiting;
    audit->count++;
    audit->bytes += waiting->size;
}

void audit_close(struct audit *audit) {
    if (audit->count)
        lost(audit->count);
    while (audit->first)
        free(take_first(audit));
    free(audit);
}

bool audit_is_empty(const struct audit *audit) {
    return !audit->first && !audit->is_writing;
}

/* --- into the queue --- */

enum { TEXTS = 10 };

static void texts_of(struct audit_record *record, struct slice *texts[TEXTS]) {
    struct slice *all[TEXTS] = {&record->audit_id, &record->kind,     &record->request_id, &record->user_id,
                                &record->username, &record->app_id,   &record->address,    &record->policy_version,
                                &record->detail,   &record->decisions};
    memcpy(texts, all, sizeof(all));
}

static struct waiting *waiting_of(const struct audit_record *record) {
    struct audit_record copy = *record;
    struct slice *texts[TEXTS];
    size_t size = sizeof(struct waiting);
    texts_of(&copy, texts);
    for (size_t i = 0; i < TEXTS; i++)
        size += texts[i]->len;
    struct waiting *waiting = malloc(size);
    if (!waiting)
        abort();
    char *at = (char *)(waiting + 1);
    for (size_t i = 0; i < TEXTS; i++) {
        if (!slice_is_set(*texts[i]))
            continue;
        memcpy(at, texts[i]->at, texts[i]->len);
        texts[i]->at = at;
        at += texts[i]->len;
    }
    *waiting = (struct waiting){.record = copy, .size = size, .refused_at = -1};
    return waiting;
}

void audit_queue_add(struct audit *audit, const struct audit_record *record) {
    struct waiting *waiting = waiting_of(record);
    if (audit->count < WAITING_MAX && audit->bytes + waiting->size <= WAITING_BYTES_MAX) {
        put_last(audit, waiting);
        return;
    }
    free(waiting);
    lost(1);
}

/* --- out of it --- */

static bool written(struct audit *audit, struct waiting **batch, size_t count) {
    metric_add(METRIC_audit_records, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        free(batch[i]);
    audit->taken++;
    audit->at_once = audit->at_once * 2 < WRITTEN_AT_ONCE ? audit->at_once * 2 : WRITTEN_AT_ONCE;
    audit->again_ms = AGAIN_FIRST_MS;
    return true;
}

/* Behind the others, so that one that the store does not take holds up none of them. It has failed alone, and the store
 * took another since the last time: then it is this one, not the store. */
static void put_back(struct audit *audit, struct waiting *waiting, bool was_alone) {
    if (was_alone) {
        if (waiting->refused_at >= 0 && waiting->refused_at < audit->taken)
            waiting->refused++;
        waiting->refused_at = audit->taken;
    }
    if (waiting->refused < REFUSED_MAX) {
        put_last(audit, waiting);
        return;
    }
    free(waiting);
    lost(1);
}

/* True: the next is tried at once, for the first failure may be of this record, not of the store. */
static bool failed(struct audit *audit, struct waiting **batch, size_t count) {
    bool is_first = audit->failed_at != audit->taken;
    for (size_t i = 0; i < count; i++)
        put_back(audit, batch[i], count == 1);
    audit->failed_at = audit->taken;
    audit->at_once = 1;
    if (is_first)
        return true;
    audit->due_ms = clock_monotonic_ms() + audit->again_ms;
    audit->again_ms = audit->again_ms * 2 < AGAIN_MAX_MS ? audit->again_ms * 2 : AGAIN_MAX_MS;
    return false;
}

/* On a fiber of its own, until nothing waits or the store seems to be away. */
static void write_all(void *data) {
    struct audit *audit = data;
    bool goes_on = true;
    while (audit->first && goes_on) {
        struct waiting *taken[WRITTEN_AT_ONCE];
        size_t count = 0;
        struct arena arena;
        arena_init(&arena);
        struct batch batch = batch_in(&arena);
        while (audit->first && count < audit->at_once) {
            taken[count] = take_first(audit);
            audit_record_add(&batch, &taken[count++]->record, audit->keep_s);
        }
        goes_on = db_run(audit->db, &batch) ? written(audit, taken, count) : failed(audit, taken, count);
        arena_free(&arena);
    }
    audit->is_writing = false;
}

void audit_flush(struct audit *audit) {
    if (audit->is_writing || !audit->first || clock_monotonic_ms() < audit->due_ms)
        return;
    audit->is_writing = true;
    if (!fiber_start(write_all, audit))
        audit->is_writing = false; /* too many fibers: at the next turn */
}
