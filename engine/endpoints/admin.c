/* GET /admin: what this server does, as pictures; ?view=numbers: the same as a table. */
#include "endpoints/endpoints.h"

#include "base/clock.h"
#include "base/history.h"
#include "checks/admin.h"
#include "endpoints/admin_list.h"
#include "page/chart.h"

const struct field admin_fields[] = {
    {"span", FIELD_TEXT, 0, 0, 0, "hour (by minute), or day (by quarter of an hour)."},
    {"view", FIELD_TEXT, 0, 0, 0, "numbers: a table in place of the charts."},
    {0},
};

/* Over time, one value a period; -1: there is none. */
struct curves {
    size_t count;
    double *sign_ins, *tokens, *refusals, *requests, *p50, *p90, *p99, *cache;
};

static double total_of(const struct history_point *point, enum metric metric) {
    int64_t count = point->counts[metric];
    return count > 0 ? (double)count : 0;
}

static double hit_rate(double hits, double misses) {
    return hits + misses > 0 ? 100 * hits / (hits + misses) : -1;
}

static struct curves curves_of(struct arena *arena, const struct history *history) {
    struct curves curves = {.count = history->count};
    double **all[] = {&curves.sign_ins, &curves.tokens, &curves.refusals, &curves.requests,
                      &curves.p50,      &curves.p90,    &curves.p99,      &curves.cache};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        *all[i] = arena_zalloc(arena, (history->count + 1) * sizeof(double));
    for (size_t i = 0; i < history->count; i++) {
        const struct history_point *point = &history->points[i];
        curves.sign_ins[i] = total_of(point, METRIC_sign_ins);
        curves.tokens[i] = total_of(point, METRIC_tokens_issued);
        curves.refusals[i] = total_of(point, METRIC_refusals);
        curves.requests[i] = total_of(point, METRIC_requests);
        curves.p50[i] = latency_percentile(point->latency, 50);
        curves.p90[i] = latency_percentile(point->latency, 90);
        curves.p99[i] = latency_percentile(point->latency, 99);
        curves.cache[i] = hit_rate(total_of(point, METRIC_cache_hits), total_of(point, METRIC_cache_misses));
    }
    return curves;
}

static struct chart chart_of(const struct history *history, const char *id, const char *title) {
    return (struct chart){
        .id = id,
        .title = title,
        .unit = "",
        .start_s = history->count ? history->points[0].at_s : history->since_s,
        .period_s = history->period_s,
        .count = history->count,
        .series_count = 1,
        .slots = history->period_s == 60 ? 60 : HISTORY_POINTS_MAX,
    };
}

static struct value *charts_of(struct arena *arena, const struct history *history, const struct curves *curves) {
    struct value *charts = value_list(arena);
    const struct {
        const char *id, *title;
        const double *values;
    } bars[] = {
        {"c1", "Sign-ins", curves->sign_ins},
        {"c2", "Tokens", curves->tokens},
        {"c3", "Refusals", curves->refusals},
        {"c4", "Requests", curves->requests},
    };
    for (size_t i = 0; i < sizeof(bars) / sizeof(*bars); i++) {
        struct chart chart = chart_of(history, bars[i].id, bars[i].title);
        chart.series[0].name = history->period_s == 60 ? "a minute" : "a quarter of an hour";
        chart.series[0].values = bars[i].values;
        value_append(charts, chart_value(arena, &chart));
    }
    struct chart time = chart_of(history, "c5", "Time to answer");
    time.kind = CHART_LINES;
    time.unit = "ms";
    time.series_count = 3;
    time.series[0].name = "p50", time.series[0].values = curves->p50;
    time.series[1].name = "p90", time.series[1].values = curves->p90;
    time.series[2].name = "p99", time.series[2].values = curves->p99;
    value_append(charts, chart_value(arena, &time));
    struct chart cache = chart_of(history, "c6", "Answered from memory");
    cache.kind = CHART_LINES;
    cache.unit = "%";
    cache.least_top = 100;
    cache.series[0].name = "of look-ups", cache.series[0].values = curves->cache;
    value_append(charts, chart_value(arena, &cache));
    return charts;
}

static struct slice measure(struct arena *arena, double number) {
    return number < 0 ? SLICE("–") : chart_number(arena, number);
}

/* The newest first. */
static struct value *numbers_of(struct arena *arena, const struct history *history, const struct curves *curves) {
    struct value *rows = value_list(arena);
    const double *const columns[] = {curves->sign_ins, curves->tokens, curves->refusals, curves->requests,
                                     curves->p50,      curves->p90,    curves->p99,      curves->cache};
    for (size_t i = history->count; i-- > 0;) {
        struct value *row = value_map(arena), *cells = value_list(arena);
        value_set_text(arena, row, "time", chart_clock(arena, history->points[i].at_s));
        for (size_t column = 0; column < sizeof(columns) / sizeof(*columns); column++)
            value_append_text(arena, cells, measure(arena, columns[column][i]));
        value_set_value(row, "cells", cells);
        value_append(rows, row);
    }
    return rows;
}

/* --- how things stand --- */

static void add_count(struct arena *arena, struct value *facts, const char *name, enum metric metric) {
    admin_fact(arena, facts, name, chart_number(arena, (double)metric_get(metric)), SLICE_NONE);
}

static struct value *group_of(struct arena *arena, struct value *groups, const char *title) {
    struct value *group = value_map(arena), *facts = value_list(arena);
    value_set_text(arena, group, "title", slice_of(title));
    value_set_value(group, "facts", facts);
    value_append(groups, group);
    return facts;
}

static void add_latency(struct arena *arena, struct value *facts) {
    int64_t counts[LATENCY_BUCKETS];
    latency_read(counts);
    static const struct {
        const char *name;
        double percentile;
    } shown[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}};
    for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
        admin_fact(
            arena, facts, shown[i].name,
            arena_printf(arena, "%.*s ms", SLICE_ARG(measure(arena, latency_percentile(counts, shown[i].percentile)))),
            SLICE_NONE);
}

static void store_facts(struct request *request, struct value *groups) {
    struct arena *arena = request->arena;
    bool is_sqlite = slice_starts(slice_of(request->service->settings->database), "sqlite:");
    struct value *store = group_of(arena, groups, "Store");
    admin_fact(arena, store, "Database", is_sqlite ? SLICE("SQLite") : SLICE("PostgreSQL"), SLICE_NONE);
    add_count(arena, store, "Batches that wait", METRIC_db_queue);
    add_count(arena, store, "Batches", METRIC_db_batches);
    add_count(arena, store, "Commits", METRIC_db_commits);
    add_count(arena, store, "Failed batches", METRIC_db_failures);
    add_count(arena, store, "Broken connections", METRIC_db_disconnects);
    add_count(arena, store, "Audit records lost", METRIC_audit_lost);
    struct value *cache = group_of(arena, groups, "Cache");
    double rate = hit_rate((double)metric_get(METRIC_cache_hits), (double)metric_get(METRIC_cache_misses));
    admin_fact(arena, cache, "Answered from memory", rate < 0 ? SLICE("–") : arena_printf(arena, "%.1f %%", rate),
               SLICE_NONE);
    add_count(arena, cache, "Hits", METRIC_cache_hits);
    add_count(arena, cache, "Misses", METRIC_cache_misses);
    admin_fact(
        arena, cache, "Held",
        arena_printf(arena, "%.*s KB", SLICE_ARG(chart_number(arena, (double)(metric_get(METRIC_cache_bytes) / 1024)))),
        SLICE_NONE);
}

static void policy_facts(struct request *request, struct value *groups) {
    struct arena *arena = request->arena;
    struct value *policy = group_of(arena, groups, "Policies");
    struct slice error = metric_info_get(arena, INFO_reload_error), shadow = metric_info_get(arena, INFO_shadow);
    admin_fact(arena, policy, "Version", slice_of(request->service->policy_version), SLICE_NONE);
    admin_fact(arena, policy, "Last loaded", admin_time(arena, metric_get(METRIC_last_reload)), SLICE_NONE);
    admin_fact(arena, policy, "Result", slice_is_set(error) ? error : response_phrase(request, "It works."),
               SLICE_NONE);
    add_count(arena, policy, "Decisions", METRIC_policy_calls);
    add_count(arena, policy, "Failed and so denied", METRIC_policy_failures);
    if (!slice_is_set(shadow) && !metric_get(METRIC_shadow_decisions))
        return;
    struct value *beside = group_of(arena, groups, "Shadow policies");
    admin_fact(arena, beside, "Version", slice_is_set(shadow) ? shadow : SLICE("–"), SLICE_NONE);
    add_count(arena, beside, "Decisions", METRIC_shadow_decisions);
    add_count(arena, beside, "Differences", METRIC_shadow_differences);
    add_count(arena, beside, "Failed or too slow", METRIC_shadow_failures);
    struct slice stopped = metric_info_get(arena, INFO_shadow_stopped);
    if (slice_is_set(stopped))
        admin_fact(arena, beside, "No longer asked", stopped, SLICE_NONE);
}

static struct value *groups_of(struct request *request) {
    struct arena *arena = request->arena;
    struct value *groups = value_list(arena);
    struct value *answers = group_of(arena, groups, "Answers");
    add_latency(arena, answers);
    add_count(arena, answers, "Requests", METRIC_requests);
    add_count(arena, answers, "Server errors", METRIC_answers_5xx);
    add_count(arena, answers, "Open connections", METRIC_connections);
    add_count(arena, answers, "Requests under way", METRIC_fibers);
    store_facts(request, groups);
    policy_facts(request, groups);
    return groups;
}

struct response endpoint_admin(struct request *request) {
    struct arena *arena = request->arena;
    struct session session;
    struct response instead;
    if (!admin_look(request, &session, &instead))
        return instead;
    bool is_day = slice_is(params_get(&request->query, "span"), "day");
    bool is_table = slice_is(params_get(&request->query, "view"), "numbers");
    int64_t now_s = clock_now_s();
    struct history history = history_read(arena, is_day ? HISTORY_DAY : HISTORY_HOUR, now_s);
    struct curves curves = curves_of(arena, &history);
    struct value *context = admin_context(request, &session, "Overview", "overview");
    value_set_text(arena, context, "since", admin_time(arena, history.since_s));
    value_set_text(arena, context, "now", admin_time(arena, now_s));
    value_set_bool(arena, context, "day", is_day);
    value_set_bool(arena, context, "hour", !is_day);
    if (is_table) {
        value_set_value(context, "numbers", numbers_of(arena, &history, &curves));
    } else {
        value_set_value(context, "charts", charts_of(arena, &history, &curves));
        value_set_value(context, "groups", groups_of(request));
    }
    return response_page(request, 200, is_table ? "admin_numbers" : "admin", context, SLICE_NONE);
}
