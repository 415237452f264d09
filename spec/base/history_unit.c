/* The rings of the last hour and day, and the percentiles of a histogram. */
#include "../../engine/base/history.c"
#include "../../engine/base/latency.c"

#include "../unit/unit.h"

#include <math.h>

static struct arena arena;
enum { NOON = 1764244800 }; /* a whole day, hour, quarter and minute */

static struct history hour(int64_t now_s) {
    return history_read(&arena, HISTORY_HOUR, now_s);
}

static void before_it_begins_there_is_nothing(void) {
    history_tick(NOON);
    CHECK(hour(NOON).count == 0);
}

static void what_just_happened_is_in_the_last_point(void) {
    history_begin(NOON + 30);
    metric_add(METRIC_sign_ins, 2);
    struct history history = hour(NOON + 31);
    CHECK(history.count == 1 && history.since_s == NOON + 30 && history.period_s == 60);
    CHECK(history.points[0].at_s == NOON && history.points[0].counts[METRIC_sign_ins] == 2);
    history_tick(NOON + 61);
    metric_add(METRIC_sign_ins, 1);
    history = hour(NOON + 62);
    CHECK(history.count == 2);
    CHECK(history.points[0].counts[METRIC_sign_ins] == 2 && history.points[1].counts[METRIC_sign_ins] == 1);
}

static void a_period_that_nobody_sampled_is_empty(void) {
    history_tick(NOON + 5 * 60);
    struct history history = hour(NOON + 5 * 60);
    CHECK(history.count == 6);
    for (size_t i = 0; i < history.count; i++)
        CHECK(history.points[i].at_s == NOON + (int64_t)i * 60);
    CHECK(history.points[1].counts[METRIC_sign_ins] == 1 && history.points[3].counts[METRIC_sign_ins] == 0);
}

static void a_clock_that_goes_back_waits(void) {
    history_tick(NOON - 3600);
    CHECK(hour(NOON - 3600).count == 6);
}

static void rings_are_bounded_and_keep_the_newest(void) {
    history_begin(NOON);
    for (int64_t minute = 1; minute <= 200; minute++) {
        metric_add(METRIC_requests, minute);
        history_tick(NOON + minute * 60);
    }
    struct history history = hour(NOON + 200 * 60);
    CHECK(history.count == 60);
    CHECK(history.points[59].at_s == NOON + 200 * 60 && history.points[59].counts[METRIC_requests] == 0);
    CHECK(history.points[58].counts[METRIC_requests] == 200 && history.points[0].counts[METRIC_requests] == 142);
    struct history day = history_read(&arena, HISTORY_DAY, NOON + 200 * 60);
    CHECK(day.count == 14 && day.points[0].counts[METRIC_requests] == 120);
    history_tick(NOON + 200 * 60 + (int64_t)365 * 86400); /* the machine slept for a year */
    CHECK(hour(NOON + 200 * 60 + (int64_t)365 * 86400).count == 60);
    CHECK(history_read(&arena, HISTORY_DAY, NOON).count <= HISTORY_POINTS_MAX);
}

static void buckets_follow_one_another(void) {
    unsigned before = 0;
    for (int64_t ns = 0; ns < 300000000000; ns += ns / 50 + 100) {
        unsigned bucket = bucket_of(ns);
        CHECK(bucket == before || bucket == before + 1);
        if (bucket < LATENCY_BUCKETS - 1)
            CHECK((double)(ns / 1000) >= start_of(bucket) && (double)(ns / 1000) < start_of(bucket + 1));
        before = bucket;
    }
    CHECK(before == LATENCY_BUCKETS - 1);
    CHECK(bucket_of(-5) == 0 && bucket_of(INT64_MAX) == LATENCY_BUCKETS - 1);
}

static void percentiles_are_right_within_a_fifth(void) {
    int64_t counts[LATENCY_BUCKETS] = {0};
    CHECK(latency_percentile(counts, 50) < 0);
    for (int64_t us = 1; us <= 10000; us++)
        counts[bucket_of(us * 1000)]++;
    CHECK(fabs(latency_percentile(counts, 50) - 5) < 1 && fabs(latency_percentile(counts, 99) - 9.9) < 2);
    CHECK(latency_percentile(counts, 0) >= 0 && latency_percentile(counts, 100) < 12);
    int64_t before[LATENCY_BUCKETS], after[LATENCY_BUCKETS];
    latency_read(before);
    latency_add(3000000, 1);
    latency_read(after);
    CHECK(after[bucket_of(3000000)] == before[bucket_of(3000000)] + 1);
}

int main(void) {
    arena_init(&arena);
    RUN(before_it_begins_there_is_nothing);
    RUN(what_just_happened_is_in_the_last_point);
    RUN(a_period_that_nobody_sampled_is_empty);
    RUN(a_clock_that_goes_back_waits);
    RUN(rings_are_bounded_and_keep_the_newest);
    RUN(buckets_follow_one_another);
    RUN(percentiles_are_right_within_a_fifth);
    arena_free(&arena);
    return unit_end();
}
