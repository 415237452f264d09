/* moonlatch policy explain | replay: past decisions, from the audit log. */
#include "cli/command.h"

#include "base/clock.h"
#include "base/json.h"
#include "server/response.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAGE = 500, DIFFERENCES_MAX = 1000 };

/* A row of the audit log, with its decisions parsed. */
static struct value *record_value(struct arena *arena, const struct rows *rows, size_t row) {
    static const char *const texts[] = {"kind",   "request_id", "user_id",        "username",
                                        "app_id", "address",    "policy_version", "detail"};
    struct value *record = value_map(arena);
    value_set_text(arena, record, "at", clock_rfc3339(arena, row_int(rows, row, "at_ms") / 1000));
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        value_set_text(arena, record, texts[i], row_text(rows, row, texts[i]));
    struct value *decisions = json_parse(arena, row_text(rows, row, "decisions"), NULL);
    value_set_value(record, "decisions", decisions ? decisions : value_list(arena));
    return record;
}

enum error command_policy_explain(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    const char *id = option_get(&workplace->line->options, "request");
    if (!id)
        return fail(&workplace->request, ERROR_BAD_REQUEST, "--request is required: the X-Request-Id of an answer.");
    struct batch batch = batch_in(arena);
    struct rows *rows = batch_add(&batch, STATEMENT_audit_of_request, db_text(slice_of(id)));
    if (!db_run(workplace->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (rows->count == 0)
        return fail(&workplace->request, ERROR_NOT_FOUND,
                    "The audit log has nothing of request %s. It has good sign-ins, consents and tokens, and refusals "
                    "but for those of a flood, which are only counted (refusals_untold in the server's log).",
                    id);
    workplace->line->prints_blocks = true;
    *result = value_list(arena);
    for (size_t i = 0; i < rows->count; i++)
        value_append(*result, record_value(arena, rows, i));
    return ERROR_NONE;
}

/* --- replay --- */

struct replay {
    struct policy *candidate;
    int64_t decisions, different;
    struct value *differences; /* the first DIFFERENCES_MAX, in the arena of the command */
};

/* "24h", "30m", "7d", "90s"; 0 when it is none. */
static int64_t span_seconds(const char *text) {
    char *unit;
    long long count = strtoll(text, &unit, 10);
    int64_t seconds = *unit == 's' ? 1 : *unit == 'm' ? 60 : *unit == 'h' ? 3600 : *unit == 'd' ? 86400 : 0;
    return count > 0 && count < 1000000 && *unit && !unit[1] ? count * seconds : 0;
}

static struct slice json_of(struct arena *arena, const struct value *value) {
    struct buffer json = buffer_in(arena);
    json_write(&json, value);
    return buffer_slice(&json);
}

static struct slice outcome_of(struct arena *arena, const struct policy_outcome *outcome) {
    struct value *list = value_list(arena);
    if (outcome->error.len)
        return outcome->error;
    for (int i = 0; i < POLICY_RESULTS_MAX && outcome->results[i]; i++)
        value_append(list, value_copy(arena, outcome->results[i]));
    return json_of(arena, list);
}

static void decision_replay(struct workplace *workplace, struct arena *own, struct replay *replay,
                            const struct value *record, const struct value *decision) {
    struct arena *arena = workplace->line->arena;
    struct slice function = value_get_text(decision, "function");
    struct policy_outcome outcome;
    policy_eval(replay->candidate, own, function, value_get(decision, "facts"), NULL, &outcome);
    struct slice was = json_of(own, value_get(decision, "outcome")), now = outcome_of(own, &outcome);
    replay->decisions++;
    if (slice_equal(was, now))
        return;
    replay->different++;
    if (replay->differences->count == DIFFERENCES_MAX)
        return;
    static const char *const kept[] = {"at", "request_id", "username", "app_id", "policy_version"};
    struct value *difference = value_map(arena);
    for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
        value_set_text(arena, difference, kept[i], arena_copy(arena, value_get_text(record, kept[i])));
    value_set_text(arena, difference, "function", arena_copy(arena, function));
    value_set_text(arena, difference, "was", arena_copy(arena, was));
    value_set_text(arena, difference, "would_be", arena_copy(arena, now));
    value_append(replay->differences, difference);
}

/* A page of the log, in an arena of its own. False at its end, or with *error. */
static bool page_replay(struct workplace *workplace, struct replay *replay, int64_t *at_ms, char *last_id,
                        size_t last_id_size, enum error *error) {
    struct arena own;
    arena_init(&own);
    struct batch batch = batch_in(&own);
    struct rows *rows =
        batch_add(&batch, STATEMENT_audit_since, db_int(*at_ms), db_text(slice_of(last_id)), db_int(PAGE));
    *error = db_run(workplace->db, &batch) ? ERROR_NONE : ERROR_STORE_UNAVAILABLE;
    for (size_t i = 0; !*error && i < rows->count; i++) {
        struct value *record = record_value(&own, rows, i);
        const struct value *decisions = value_get(record, "decisions");
        for (const struct value *one = decisions->first; one; one = one->next)
            decision_replay(workplace, &own, replay, record, one);
        *at_ms = row_int(rows, i, "at_ms");
        snprintf(last_id, last_id_size, "%.*s", SLICE_ARG(row_text(rows, i, "audit_id")));
    }
    bool has_more = !*error && rows->count == PAGE;
    arena_free(&own);
    return has_more;
}

enum error command_policy_replay(struct workplace *workplace, struct value **result) {
    struct command_line *line = workplace->line;
    struct request *request = &workplace->request;
    const char *since = option_get(&line->options, "since"), *directory = line->options.arguments[0];
    int64_t span_s = span_seconds(since ? since : "24h");
    if (!span_s)
        return fail(request, ERROR_BAD_REQUEST, "--since is a number and s, m, h or d, as in 24h.");
    struct slice why;
    struct policy_source *source =
        policy_source_read(line->arena, directory, MOONLATCH_HOME "/lua/moonlatch", line->settings.config, &why);
    struct replay replay = {.differences = value_list(line->arena)};
    const struct policy_limits limits = policy_limits_of(&line->settings);
    replay.candidate = source ? policy_open(line->arena, source, &limits, &why) : NULL;
    enum error error = ERROR_NONE;
    if (replay.candidate) {
        int64_t at_ms = clock_now_ms() - span_s * 1000;
        char last_id[64] = "";
        while (page_replay(workplace, &replay, &at_ms, last_id, sizeof(last_id), &error))
            ;
        policy_close(replay.candidate);
    } else {
        error = fail(request, ERROR_BAD_REQUEST, "%.*s", SLICE_ARG(why));
    }
    if (source)
        policy_source_free(source);
    if (error)
        return error;
    *result = value_map(line->arena);
    value_set_int(line->arena, *result, "decisions", replay.decisions);
    value_set_int(line->arena, *result, "different", replay.different);
    value_set_value(*result, "differences", replay.differences);
    return ERROR_NONE;
}
