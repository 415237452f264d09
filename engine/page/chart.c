#include "page/chart.h"

#include "base/buffer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

enum { WIDTH = 360, HEIGHT = 150, LEFT = 0, RIGHT = WIDTH - 52, TOP = 10, BOTTOM = HEIGHT - 20, TEXT_DOWN = 4 };

static const double most_drawn = 1e15; /* what is more is drawn as that much */

double chart_top(double most, double least) {
    if (!(most > least))
        most = least;
    if (!(most > 0))
        return 1;
    double power = pow(10, floor(log10(most)));
    static const double steps[] = {1, 2, 4, 6, 8};
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
        if (steps[i] * power >= most * 0.999999)
            return steps[i] * power;
    return 10 * power;
}

static struct slice whole_number(struct arena *arena, double number) {
    char digits[40];
    int len = snprintf(digits, sizeof(digits), "%.0f", number < most_drawn ? number : most_drawn);
    struct buffer text = buffer_in(arena);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            buffer_add_byte(&text, ',');
        buffer_add_byte(&text, digits[i]);
    }
    return buffer_slice(&text);
}

struct slice chart_number(struct arena *arena, double number) {
    if (!(number > 0))
        return SLICE("0");
    double nearest = round(number);
    if (number >= 100 || fabs(number - nearest) < 0.0005)
        return whole_number(arena, nearest);
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%.*f", number >= 10 ? 1 : number >= 0.1 ? 2 : 3, number);
    while (len > 1 && digits[len - 1] == '0')
        len--;
    len -= digits[len - 1] == '.';
    digits[len] = '\0';
    return arena_copy(arena, slice_of(digits));
}

struct slice chart_axis_number(struct arena *arena, double number) {
    static const struct {
        double from;
        const char *suffix;
    } steps[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
        if (number >= steps[i].from)
            return arena_printf(arena, "%.*s%s", SLICE_ARG(chart_number(arena, number / steps[i].from)),
                                steps[i].suffix);
    return chart_number(arena, number);
}

struct slice chart_clock(struct arena *arena, int64_t unix_s) {
    int64_t minute = (unix_s % 86400 + 86400) % 86400 / 60;
    return arena_printf(arena, "%02d:%02d", (int)(minute / 60), (int)(minute % 60));
}

/* --- geometry --- */

struct scale {
    const struct chart *chart;
    double top;
    size_t slots, skipped; /* of the axis of time; of these, those before the first point */
};

static double x_at(const struct scale *scale, double index) {
    return LEFT + (RIGHT - LEFT) * (index + (double)scale->skipped) / (double)scale->slots;
}

static double y_at(const struct scale *scale, double value) {
    double part = value / scale->top;
    return BOTTOM - (BOTTOM - TOP) * (part < 1 ? part : 1);
}

/* A tenth of a unit is less than a pixel. */
static void add_coordinate(struct buffer *text, double number) {
    int64_t tenths = (int64_t)llround(number * 10), size = tenths < 0 ? -tenths : tenths;
    buffer_add_text(text, tenths < 0 ? "-" : "");
    buffer_add_int(text, size / 10);
    if (size % 10)
        buffer_printf(text, ".%d", (int)(size % 10));
}

static struct slice coordinate(struct arena *arena, double number) {
    struct buffer text = buffer_in(arena);
    add_coordinate(&text, number);
    return buffer_slice(&text);
}

/* Paths are written in periods to the right and units up from the base line, which keeps them short: the plot's
 * transform stretches them. A bar is an upright stroke; whatever is not nothing can be seen. */
static struct slice bars_path(struct arena *arena, const struct scale *scale, const double *values) {
    struct buffer path = buffer_in(arena);
    for (size_t i = 0; i < scale->chart->count; i++) {
        if (!(values[i] > 0))
            continue;
        double height = BOTTOM - y_at(scale, values[i]);
        buffer_printf(&path, "M%zu 0V-", scale->skipped + i);
        add_coordinate(&path, height > 1.5 ? height : 1.5);
    }
    return buffer_slice(&path);
}

/* Through the middle of each period; a value alone is a short dash. */
static struct slice line_path(struct arena *arena, const struct scale *scale, const double *values) {
    struct buffer path = buffer_in(arena);
    size_t count = scale->chart->count;
    for (size_t i = 0; i < count; i++) {
        if (!(values[i] >= 0))
            continue;
        bool begins = i == 0 || !(values[i - 1] >= 0), ends = i + 1 == count || !(values[i + 1] >= 0);
        buffer_printf(&path, "%c%zu ", begins ? 'M' : 'L', scale->skipped + i);
        add_coordinate(&path, y_at(scale, values[i]) - BOTTOM);
        if (begins && ends)
            buffer_add_text(&path, "h.4");
    }
    return buffer_slice(&path);
}

static struct slice transform_of(struct arena *arena, const struct scale *scale) {
    double step = (double)(RIGHT - LEFT) / (double)scale->slots;
    return arena_printf(arena, "translate(%.2f %d) scale(%.4f 1)", LEFT + step / 2, BOTTOM, step);
}

static struct value *grid_of(struct arena *arena, const struct scale *scale) {
    struct value *grid = value_list(arena);
    const struct chart *chart = scale->chart;
    /* No half of a thing that is counted. */
    int lines = chart->kind == CHART_BARS && scale->top < 2 ? 1 : 2;
    for (int i = 1; i <= lines; i++) {
        double value = scale->top * i / lines, y = y_at(scale, value);
        struct value *line = value_map(arena);
        struct slice number = chart_axis_number(arena, value);
        if (chart->kind == CHART_BARS && value != floor(value))
            continue;
        value_set_text(arena, line, "y", coordinate(arena, y));
        value_set_text(arena, line, "text_y", coordinate(arena, y + TEXT_DOWN));
        value_set_text(arena, line, "text",
                       *chart->unit ? arena_printf(arena, "%.*s %s", SLICE_ARG(number), chart->unit) : number);
        value_append(grid, line);
    }
    return grid;
}

/* About four, at round times. */
static struct value *ticks_of(struct arena *arena, const struct scale *scale) {
    static const int64_t steps_s[] = {60, 300, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400};
    const struct chart *chart = scale->chart;
    struct value *ticks = value_list(arena);
    int64_t length_s = (int64_t)scale->slots * chart->period_s, step_s = 86400;
    int64_t start_s = chart->start_s - (int64_t)scale->skipped * chart->period_s;
    for (size_t i = sizeof(steps_s) / sizeof(*steps_s); i-- > 0;)
        if (length_s / steps_s[i] <= 4)
            step_s = steps_s[i];
    int64_t first_s = (start_s + step_s - 1) / step_s * step_s;
    for (int64_t at_s = first_s; at_s < start_s + length_s; at_s += step_s) {
        double x = x_at(scale, (double)(at_s - chart->start_s) / (double)chart->period_s);
        if (x < LEFT + 14 || x > WIDTH - 14) /* it would be cut off */
            continue;
        struct value *tick = value_map(arena);
        value_set_text(arena, tick, "x", coordinate(arena, x));
        value_set_text(arena, tick, "text", chart_clock(arena, at_s));
        value_append(ticks, tick);
    }
    return ticks;
}

/* --- what it says --- */

struct extent {
    double most, latest, total; /* negative: there is none */
    size_t most_at;
};

static struct extent extent_of(const double *values, size_t count) {
    struct extent extent = {-1, -1, 0, 0};
    for (size_t i = 0; i < count; i++) {
        if (!(values[i] >= 0))
            continue;
        extent.total += values[i];
        extent.latest = i + 1 == count ? values[i] : extent.latest;
        if (values[i] > extent.most) {
            extent.most = values[i];
            extent.most_at = i;
        }
    }
    return extent;
}

static struct slice measure(struct arena *arena, const struct chart *chart, double number) {
    if (number < 0)
        return SLICE("–");
    struct slice text = chart_number(arena, number);
    return *chart->unit ? arena_printf(arena, "%.*s %s", SLICE_ARG(text), chart->unit) : text;
}

static struct value *series_of(struct arena *arena, const struct chart *chart, const struct extent *extents) {
    static const char *const classes[CHART_SERIES_MAX] = {"s1", "s2", "s3"};
    struct value *list = value_list(arena);
    for (size_t i = 0; i < chart->series_count; i++) {
        struct value *one = value_map(arena);
        value_set_text(arena, one, "class", slice_of(classes[i]));
        value_set_text(arena, one, "name", slice_of(chart->series[i].name));
        value_set_text(arena, one, "latest", measure(arena, chart, extents[i].latest));
        value_set_text(arena, one, "most", measure(arena, chart, extents[i].most));
        if (extents[i].most > 0)
            value_set_text(arena, one, "most_at",
                           chart_clock(arena, chart->start_s + (int64_t)extents[i].most_at * chart->period_s));
        value_append(list, one);
    }
    return list;
}

static struct value *paths_of(struct arena *arena, const struct scale *scale) {
    static const char *const classes[2][CHART_SERIES_MAX] = {{"bars s1", "bars s2", "bars s3"},
                                                             {"line s1", "line s2", "line s3"}};
    struct value *paths = value_list(arena);
    const struct chart *chart = scale->chart;
    for (size_t i = chart->series_count; i-- > 0;) { /* the first is drawn last, on top */
        struct slice path = chart->kind == CHART_BARS ? bars_path(arena, scale, chart->series[i].values)
                                                      : line_path(arena, scale, chart->series[i].values);
        if (!path.len)
            continue;
        struct value *one = value_map(arena);
        value_set_text(arena, one, "class", slice_of(classes[chart->kind][i]));
        value_set_text(arena, one, "path", path);
        value_append(paths, one);
    }
    return paths;
}

struct value *chart_value(struct arena *arena, const struct chart *chart) {
    assert(chart->series_count >= 1 && chart->series_count <= CHART_SERIES_MAX && chart->count <= CHART_POINTS_MAX);
    assert(chart->period_s > 0 && chart->slots >= chart->count);
    struct extent extents[CHART_SERIES_MAX];
    double most = 0;
    for (size_t i = 0; i < chart->series_count; i++) {
        extents[i] = extent_of(chart->series[i].values, chart->count);
        most = extents[i].most > most ? extents[i].most : most;
    }
    struct scale scale = {chart, chart_top(most < most_drawn ? most : most_drawn, chart->least_top),
                          chart->slots > 1 ? chart->slots : 1, chart->slots - chart->count};
    if (!chart->count)
        scale.skipped = 0;
    struct value *value = value_map(arena);
    value_set_text(arena, value, "id", slice_of(chart->id));
    value_set_text(arena, value, "title", slice_of(chart->title));
    value_set_text(arena, value, "view_box", arena_printf(arena, "0 0 %d %d", WIDTH, HEIGHT));
    value_set_text(arena, value, "transform", transform_of(arena, &scale));
    value_set_int(arena, value, "left", LEFT);
    value_set_int(arena, value, "right", RIGHT);
    value_set_int(arena, value, "label_x", RIGHT + 6);
    value_set_int(arena, value, "base_y", BOTTOM);
    value_set_int(arena, value, "tick_y", HEIGHT - 4);
    value_set_value(value, "grid", grid_of(arena, &scale));
    value_set_value(value, "ticks", ticks_of(arena, &scale));
    value_set_value(value, "paths", paths_of(arena, &scale));
    value_set_value(value, "series", series_of(arena, chart, extents));
    value_set_bool(arena, value, "is_empty", !(most > 0));
    if (chart->kind == CHART_BARS)
        value_set_text(arena, value, "total", measure(arena, chart, extents[0].total));
    value_set_bool(arena, value, "has_legend", chart->series_count > 1);
    return value;
}
