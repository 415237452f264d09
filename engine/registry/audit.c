#include "registry/audit.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/tally.h"
#include "base/utf8.h"
#include "crypto/random.h"
#include "policy/policy.h"
#include "registry/ceilings.h"
#include "server/response.h"

enum {
    DECISIONS_MAX = 32, /* of one request */
    SENT_LEN_MAX = 512, /* of each of the things that somebody sent */
    /* Of the decisions' JSON: facts may hold what was sent. */
    DECISIONS_LEN_MAX = 64 * 1024,
    STRANGERS_DECISIONS_LEN_MAX = 8 * 1024,
};

const char *const audit_kind_names[AUDIT_KIND_COUNT] = {
#define X(id, name) name,
    AUDIT_KINDS(X)
#undef X
};

static const char *const proof_names[AUDIT_PROOF_COUNT] = {[AUDIT_ISSUED] = NULL,
#define X(id, name) [AUDIT_PROOF_##id] = name,
                                                           AUDIT_PROOFS(X)
#undef X
};

/* One of a batch that has not run yet. */
struct audit_pending {
    struct audit_pending *next;
    struct audit_record record;
    const struct rows *written;
};

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

static struct slice decisions_of(struct request *request, bool is_proven) {
    if (!request->decisions)
        return SLICE("[]");
    size_t most = is_proven ? DECISIONS_LEN_MAX : STRANGERS_DECISIONS_LEN_MAX;
    struct slice json = decisions_json(request->arena, request->decisions, most);
    return is_proven || json.len <= most ? json : SLICE("[]");
}

static void line_log(const struct audit_record *record, bool tells_why) {
    log_info("audit", log_text("kind", record->kind), log_text("request_id", record->request_id),
             log_text("user_id", record->user_id), log_text("app_id", record->app_id),
             log_text("address", record->address), log_text("policy_version", record->policy_version),
             log_text("detail", record->detail), log_text("decisions", tells_why ? record->decisions : SLICE_NONE));
}

static struct audit_record record_of(struct request *request, enum audit_kind kind, const struct user *user,
                                     struct slice app_id, struct slice detail) {
    struct slice policy_version = slice_of(request->service->policy_version);
    return (struct audit_record){
        .at_ms = clock_now_ms(),
        .audit_id = audit_id_mint(request),
        .kind = slice_of(audit_kind_names[kind]),
        .request_id = slice_of(request->id),
        .user_id = user ? user->user_id : SLICE_NONE,
        .username = user ? user->username : SLICE_NONE,
        .app_id = app_id,
        .address = request->address,
        .policy_version = slice_is_set(policy_version) ? policy_version : SLICE(""), /* the command line has none */
        .detail = detail,
        .decisions = decisions_of(request, kind != AUDIT_REFUSAL || (user && !request->is_anonymous)),
    };
}

/* --- in the batch of the change --- */

struct slice audit_id_mint(struct request *request) {
    char id[KEY_ID_LEN + 1];
    key_id_mint(id);
    return arena_copy(request->arena, slice_of(id));
}

static const struct rows *statement_add(struct batch *batch, const struct audit_record *record, int64_t keep_s,
                                        const struct audit_change *change) {
    struct db_value values[AUDIT_COLUMNS + 3];
    audit_record_values(record, keep_s, values);
    struct db_value *more = values + AUDIT_COLUMNS;
    if (change->proof == AUDIT_ISSUED) {
        more[0] = db_text(change->id);
        return batch_add_values(batch, STATEMENT_audit_insert_of_issued, values, AUDIT_COLUMNS + 1);
    }
    more[0] = db_text(slice_of(proof_names[change->proof]));
    more[1] = db_text(change->id);
    more[2] = db_text(slice_is_set(change->of) ? change->of : SLICE(""));
    return batch_add_values(batch, STATEMENT_audit_insert_proven, values, AUDIT_COLUMNS + 3);
}

void audit_add(struct batch *batch, struct request *request, const struct audit_change *change) {
    struct audit_pending *pending = arena_alloc(request->arena, sizeof(*pending));
    pending->record = record_of(request, change->kind, change->user, change->app_id, change->detail);
    if (slice_is_set(change->audit_id))
        pending->record.audit_id = change->audit_id;
    pending->written = statement_add(batch, &pending->record, request->service->settings->audit_s, change);
    pending->next = request->audit_pending;
    request->audit_pending = pending;
}

bool audit_run(struct request *request, struct batch *batch) {
    bool is_run = db_run(request->service->db, batch);
    for (const struct audit_pending *one = request->audit_pending; one; one = one->next)
        if (is_run && one->written->count) {
            metric_add(METRIC_audit_records, 1);
            if (request->service->audit) /* the command line says itself what it did */
                line_log(&one->record, false);
        }
    request->audit_pending = NULL;
    return is_run;
}

/* --- refusals --- */

/* Over the budget: a line a second for all of them, in place of a row and a line for each. */
static void untold_count(const struct request *request) {
    static struct tally tally;
    metric_add(METRIC_refusals_untold, 1);
    int64_t told = tally_add(&tally, 1);
    if (told)
        log_warn("refusals_untold", log_int("count", told), log_string("last_request_id", request->id),
                 log_text("last_address", request->address));
}

static bool refusal_fits(struct request *request, const struct user *user, bool is_common) {
    metric_add(METRIC_refusals, 1);
    request->is_refusal_told = true;
    bool fits = ceiling_refusal_fits(request, user && !request->is_anonymous ? &user->user_id : NULL, is_common);
    if (!fits)
        untold_count(request);
    return fits;
}

static void refusal_record(struct request *request, const struct user *user, struct slice app_id, struct slice detail) {
    const struct audit_record record = record_of(request, AUDIT_REFUSAL, user, app_id, detail);
    audit_queue_add(request->service->audit, &record);
    line_log(&record, true);
}

void audit_refusal(struct request *request, const struct user *user, const struct app *app, struct slice reason) {
    if (request->service->audit && refusal_fits(request, user, false))
        refusal_record(request, user, app ? app->app_id : SLICE_NONE, reason);
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
    struct slice shown = utf8_first(sent, SENT_LEN_MAX);
    utf8_add_escaped(text, shown, false);
    if (shown.len < sent.len)
        buffer_add_text(text, "…");
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
    refusal_record(request, user, request->about.app_id, buffer_slice(&detail));
}
