/* Charts for pages: numbers over time as the geometry of an SVG, for the template partial chart.html. Everything is
 * values: the template prints them into attributes, escaped like any other. */
#ifndef PAGE_CHART_H
#define PAGE_CHART_H

#include "base/value.h"

enum { CHART_SERIES_MAX = 3, CHART_POINTS_MAX = 400 };

enum chart_kind {
    CHART_BARS, /* counts: one series; a point is what happened in its period */
    CHART_LINES /* measures: a line breaks where there is no value */
};

struct chart {
    const char *id;    /* unique on the page, letters */
    const char *title; /* English; the page has it in its language */
    const char *unit;  /* behind numbers: "", "ms", "%" */
    enum chart_kind kind;
    int64_t start_s, period_s; /* of the first point, Unix time; of each */
    size_t count, series_count;
    size_t slots; /* periods that the axis of time shows, the last point at its end; at least count */
    struct {
        const char *name;     /* English, or as it is: "p50" */
        const double *values; /* count of them; negative: there is none */
    } series[CHART_SERIES_MAX];
    double least_top; /* the axis goes at least so far; 0: as far as the values need */
};

/* { id, title, view_box, transform, paths: [{ class, path }], grid: [{ y, text_y, text }], ticks: [{ x, text }],
 * base_y, left, right, label_x, tick_y, is_empty, total (of bars), series: [{ class, name, latest, most, most_at }] }.
 * Times are UTC, "15:04". Numbers are texts for people. */
struct value *chart_value(struct arena *arena, const struct chart *chart);

/* "0", "7", "1,234", "12.5", "0.31"; three digits or so behind which nobody looks. */
struct slice chart_number(struct arena *arena, double number);
/* "15:04" of Unix time, UTC. */
struct slice chart_clock(struct arena *arena, int64_t unix_s);
/* The least of 1, 2, 4, 6, 8, 10, 20, 40 … that is not below (and at least `least`): where an axis ends. */
double chart_top(double most, double least);

/* The same for an axis, where there is little room: "500", "2k", "1.5M". */
struct slice chart_axis_number(struct arena *arena, double number);

#endif
