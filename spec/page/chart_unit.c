/* Charts at their edges, and the numbers on them. */
#include "../../engine/page/chart.c"

#include "../unit/unit.h"

#include "base/json.h"

#include <float.h>
#include <stdlib.h>

static struct arena arena;

static struct chart chart_with(enum chart_kind kind, const double *values, size_t count) {
    return (struct chart){.id = "c",
                          .title = "T",
                          .unit = "",
                          .kind = kind,
                          .start_s = 1764271800,
                          .period_s = 60,
                          .count = count,
                          .slots = count,
                          .series_count = 1,
                          .series = {{"n", values}}};
}

static const char *json_of(const struct value *value) {
    struct buffer json = buffer_in(&arena);
    json_write(&json, value);
    return arena_string(&arena, buffer_slice(&json));
}

static const struct value *first(const struct value *value, const char *name) {
    return value_get(value, name)->first;
}

static void an_axis_ends_at_a_round_number(void) {
    static const double cases[][3] = {{0, 0, 1},       {1, 0, 1},     {1.01, 0, 2}, {3, 0, 4},      {5, 0, 6},
                                      {6, 0, 6},       {7, 0, 8},     {8.5, 0, 10}, {99, 0, 100},   {0.03, 0, 0.04},
                                      {100, 100, 100}, {3, 100, 100}, {59, 0, 60},  {1001, 0, 2000}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        CHECK(fabs(chart_top(cases[i][0], cases[i][1]) - cases[i][2]) < 1e-9);
    CHECK(chart_top(NAN, 0) == 1);
}

static void numbers_are_for_people(void) {
    static const struct {
        double number;
        const char *text;
    } cases[] = {{0, "0"},       {-3, "0"},       {7, "7"},          {1234, "1,234"}, {1234567.4, "1,234,567"},
                 {12.5, "12.5"}, {0.31, "0.31"},  {0.0312, "0.031"}, {99.96, "100"},  {9.999, "10"},
                 {999, "999"},   {1000, "1,000"}, {NAN, "0"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        CHECK(slice_is(chart_number(&arena, cases[i].number), cases[i].text));
    CHECK(slice_is(chart_clock(&arena, 1764271800), "19:30"));
    CHECK(slice_is(chart_axis_number(&arena, 500), "500") && slice_is(chart_axis_number(&arena, 2000), "2k"));
    CHECK(slice_is(chart_axis_number(&arena, 2.5e6), "2.5M"));
    CHECK(slice_is(chart_clock(&arena, 0), "00:00"));
    CHECK(slice_is(chart_clock(&arena, -60), "23:59"));
}

static void nothing_and_zeros_are_empty(void) {
    static const double zeros[60] = {0}, none[3] = {-1, -1, -1};
    const struct chart cases[] = {chart_with(CHART_BARS, zeros, 0), chart_with(CHART_BARS, zeros, 60),
                                  chart_with(CHART_LINES, none, 3)};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct value *value = chart_value(&arena, &cases[i]);
        CHECK(value_get(value, "is_empty")->boolean);
        CHECK(!value_get(value, "paths")->count);
        CHECK(!strstr(json_of(value), "nan") && !strstr(json_of(value), "inf"));
    }
}

static void one_point_can_be_seen(void) {
    static const double one[] = {1};
    struct chart bars = chart_with(CHART_BARS, one, 1), lines = chart_with(CHART_LINES, one, 1);
    CHECK(value_get_text(first(chart_value(&arena, &bars), "paths"), "path").len > 0);
    CHECK(memchr(value_get_text(first(chart_value(&arena, &lines), "paths"), "path").at, 'h',
                 value_get_text(first(chart_value(&arena, &lines), "paths"), "path").len));
}

static void whatever_is_not_nothing_can_be_seen(void) {
    static const double values[] = {1, 1000000};
    struct chart chart = chart_with(CHART_BARS, values, 2);
    struct slice path = value_get_text(first(chart_value(&arena, &chart), "paths"), "path");
    CHECK(strstr(arena_string(&arena, path), "V-1.5"));
}

static void a_line_breaks_where_nothing_is_known(void) {
    static const double values[] = {1, 2, -1, 3, 4};
    struct chart chart = chart_with(CHART_LINES, values, 5);
    struct slice path = value_get_text(first(chart_value(&arena, &chart), "paths"), "path");
    size_t begins = 0;
    for (size_t i = 0; i < path.len; i++)
        begins += path.at[i] == 'M';
    CHECK(begins == 2);
}

static void the_huge_stays_on_the_page(void) {
    static const double values[] = {DBL_MAX, INFINITY, 1e300, 5};
    struct chart chart = chart_with(CHART_BARS, values, 4);
    const char *json = json_of(chart_value(&arena, &chart));
    CHECK(!strstr(json, "nan") && !strstr(json, "inf"));
    CHECK(strstr(json, "V-120")); /* the top */
    CHECK(strlen(json) < 4000);
}

static void counts_have_no_half_on_the_axis(void) {
    static const double values[] = {1};
    struct chart chart = chart_with(CHART_BARS, values, 1);
    struct value *value = chart_value(&arena, &chart);
    CHECK(value_get(value, "grid")->count == 1);
    CHECK(slice_is(value_get_text(first(value, "grid"), "text"), "1"));
}

static void the_last_point_is_at_the_end(void) {
    static const double values[] = {1};
    struct chart chart = chart_with(CHART_BARS, values, 1);
    chart.slots = 60;
    struct slice path = value_get_text(first(chart_value(&arena, &chart), "paths"), "path");
    CHECK(path.at[0] == 'M' && strtod(path.at + 1, NULL) == 59);
}

static void times_are_round_and_few(void) {
    static const double values[96] = {0};
    struct chart hour = chart_with(CHART_BARS, values, 60), day = chart_with(CHART_BARS, values, 96);
    day.period_s = 900;
    for (const struct value *tick = first(chart_value(&arena, &hour), "ticks"); tick; tick = tick->next)
        CHECK(tick->kind == VALUE_MAP && strchr("0134", value_get_text(tick, "text").at[3]));
    size_t ticks = value_get(chart_value(&arena, &day), "ticks")->count;
    CHECK(ticks >= 3 && ticks <= 5);
}

int main(void) {
    arena_init(&arena);
    RUN(an_axis_ends_at_a_round_number);
    RUN(numbers_are_for_people);
    RUN(nothing_and_zeros_are_empty);
    RUN(one_point_can_be_seen);
    RUN(whatever_is_not_nothing_can_be_seen);
    RUN(a_line_breaks_where_nothing_is_known);
    RUN(the_huge_stays_on_the_page);
    RUN(counts_have_no_half_on_the_axis);
    RUN(the_last_point_is_at_the_end);
    RUN(times_are_round_and_few);
    arena_free(&arena);
    return unit_end();
}
