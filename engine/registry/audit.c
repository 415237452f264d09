#include "registry/audit.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/utf8.h"
#include "crypto/random.h"
#include "fiber/fiber.h"
#include "policy/policy.h"
#include "registry/ceilings.h"
#include "server/response.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    WAITING_MAX = 10000, /* records; more are dropped, and counted */
    DECISIONS_MAX = 32,  /* of one request */
    SENT_LEN_MAX = 512,  /* of each of the things that somebody sent */
    /* Of the decisions' JSON: facts may hold what was sent. */
    DECISIONS_LEN_MAX = 64 * 1024,
    STRANGERS_DECISIONS_LEN_MAX = 8 * 1024,
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

/* As many of them as a row has room for, from the first on; and the last always, which is why it happened. (Each holds
 * all facts, so that a caller who fills an app's fields has them written once for each decision about it.) */
static struct slice decisions_json(struct arena *arena, const struct value *decisions, size_t most) {
    struct buffer json = buffer_in(arena);
    buffer_add_byte(&json, '[');
    for (const struct value *one = decisions->first; one; one = one->next) {
        size_t before = json.len;
        if (before > 1)
            buffer_add_byte(&json, ',');
        json_write(&json, one);
        if (one->next && json.len > most)
            json.len = before;
    }
    buffer_add_byte(&json, ']');
    return buffer_slice(&json);
}

static struct slice decisions_of(struct arena *arena, struct request *request, bool is_proven) {
    if (!request->decisions)
        return SLICE("[]");
    size_t most = is_proven ? DECISIONS_LEN_MAX : STRANGERS_DECISIONS_LEN_MAX;
    struct slice json = decisions_json(request->arena, request->decisions, most);
    return is_proven || json.len <= most ? arena_copy(arena, json) : SLICE("[]");
}

static void line_log(const struct record *record, bool tells_why) {
    log_info("audit", log_text("kind", record->kind), log_text("request_id", record->request_id),
             log_text("user_id", record->user_id), log_text("app_id", record->app_id),
             log_text("address", record->address), log_text("policy_version", record->policy_version),
             log_text("detail", record->detail), log_text("decisions", tells_why ? record->decisions : SLICE_NONE));
}

/* Over the budget: a line a second for all of them, in place of a row and a line for each. */
static void untold_count(const struct request *request) {
    static _Atomic int64_t last_s, count;
    int64_t now_s = clock_now_s();
    metric_add(METRIC_refusals_untold, 1);
    atomic_fetch_add(&count, 1);
    if (atomic_exchange(&last_s, now_s) != now_s)
        log_warn("refusals_untold", log_int("count", atomic_exchange(&count, 0)),
                 log_string("last_request_id", request->id), log_text("last_address", request->address));
}

static bool refusal_fits(struct request *request, const struct user *user, bool is_common) {
    metric_add(METRIC_refusals, 1);
    request->is_refusal_told = true;
    bool fits = ceiling_refusal_fits(request, user && !request->is_anonymous ? &user->user_id : NULL, is_common);
    if (!fits)
        untold_count(request);
    return fits;
}

static void event_add(struct request *request, enum audit_kind kind, const struct user *user, struct slice app_id,
                      struct slice detail) {
    struct audit *audit = request->service->audit;
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
    record->app_id = arena_copy(&own, app_id);
    record->address = arena_copy(&own, request->address);
    record->policy_version = arena_copy(&own, slice_of(request->service->policy_version));
    record->detail = slice_is_set(detail) ? arena_copy(&own, detail) : SLICE_NONE;
    record->decisions = decisions_of(&own, request, kind != AUDIT_REFUSAL || (user && !request->is_anonymous));
    record->arena = own;
    *(audit->last ? &audit->last->next : &audit->first) = record;
    audit->last = record;
    audit->count++;
    line_log(record, kind == AUDIT_REFUSAL);
}

void audit_event(struct request *request, enum audit_kind kind, const struct user *user, const struct app *app,
                 struct slice detail) {
    if (request->service->audit && (kind != AUDIT_REFUSAL || refusal_fits(request, user, false)))
        event_add(request, kind, user, app ? app->app_id : SLICE_NONE, detail);
}

void audit_add(struct batch *batch, const struct request *request, enum audit_kind kind, const struct user *user,
               const char *detail) {
    char id[KEY_ID_LEN + 1];
    key_id_mint(id);
    const struct record record = {
        .at_ms = clock_now_ms(),
        .audit_id = arena_copy(batch->arena, slice_of(id)),
        .kind = slice_of(audit_kind_names[kind]),
        .request_id = slice_of(request->id),
        .user_id = user ? user->user_id : SLICE_NONE,
        .username = user ? user->username : SLICE_NONE,
        .address = request->address,
        .policy_version = slice_is_set(slice_of(request->service->policy_version))
                              ? slice_of(request->service->policy_version)
                              : SLICE(""),
        .detail = slice_of(detail),
        .decisions = SLICE("[]"),
    };
    record_add(batch, &record, request->service->settings->audit_s);
}

/* "csc_…" and the like: sent where it does not belong, it must not be kept for that. */
static bool is_secret(struct slice sent) {
    static const char *const prefixes[] = {"csc_", "cak_", "crt_", "cpk_", "cst_", "crg_"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
        if (slice_starts(sent, prefixes[i]))
            return true;
    return false;
}

/* Of what somebody sent, so that it can be read and nothing is drawn but characters. */
static void sent_add(struct buffer *text, const char *name, struct slice sent) {
    if (!slice_is_set(sent))
        return;
    buffer_printf(text, ", %s ", name);
    if (is_secret(sent)) {
        buffer_add_text(text, "(a secret, left out)");
        return;
    }
    uint32_t rune;
    for (size_t at = 0, step; at < sent.len && (step = utf8_next(slice_from(sent, at), &rune)); at += step) {
        if (at + step > SENT_LEN_MAX) {
            buffer_add_text(text, "…");
            return;
        }
        if (rune < 0x20 || (rune >= 0x7f && rune <= 0x9f))
            buffer_printf(text, "\\u%04x", (unsigned)rune);
        else
            buffer_add(text, (struct slice){sent.at + at, step});
    }
}

static struct slice sent_or(const struct request *request, struct slice known, const char *name) {
    struct slice sent = slice_is_set(known) ? known : params_get(&request->form, name);
    return slice_is_set(sent) ? sent : params_get(&request->query, name);
}

enum refusal { REFUSAL_NONE, REFUSAL_COMMON, REFUSAL_TOLD };

static enum refusal refusal_of(enum error error) {
    switch (error) {
    case ERROR_NONE:
    case ERROR_AUTHORIZATION_PENDING: /* answers of a protocol that goes on */
    case ERROR_SLOW_DOWN:
    case ERROR_USE_DPOP_NONCE:
    case ERROR_LOGIN_REQUIRED:
    case ERROR_CONSENT_REQUIRED:
    case ERROR_METHOD_NOT_ALLOWED: /* of the wire */
    case ERROR_BODY_TOO_LARGE:
    case ERROR_URI_TOO_LONG:
    case ERROR_UNSUPPORTED_MEDIA_TYPE:
    case ERROR_HEADERS_TOO_LARGE:
    case ERROR_INTERNAL: /* ours: the log tells of them */
    case ERROR_STORE_UNAVAILABLE:
    case ERROR_OVERLOADED:
        return REFUSAL_NONE;
    case ERROR_INVALID_TOKEN: /* tokens and sessions end */
    case ERROR_UNAUTHENTICATED:
        return REFUSAL_COMMON;
    default:
        return REFUSAL_TOLD;
    }
}

void audit_refused(struct request *request) {
    enum refusal refusal = refusal_of(request->error);
    const struct user proven = {.user_id = request->about.user_id, .username = request->about.username};
    const struct user *user = slice_is_set(proven.user_id) ? &proven : NULL;
    if (!refusal || request->is_refusal_told || !request->service->audit ||
        !refusal_fits(request, user, refusal == REFUSAL_COMMON))
        return;
    struct buffer detail = buffer_in(request->arena);
    buffer_add(&detail, response_error_text(request, request->error));
    buffer_printf(&detail, " (error %s", error_kind(request->error)->oauth_code);
    sent_add(&detail, "client_id", sent_or(request, request->about.client_id, "client_id"));
    sent_add(&detail, "redirect_uri", sent_or(request, request->about.redirect_uri, "redirect_uri"));
    sent_add(&detail, "because", request->error_detail);
    buffer_add_byte(&detail, ')');
    event_add(request, AUDIT_REFUSAL, user, request->about.app_id, buffer_slice(&detail));
}
