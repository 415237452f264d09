#include "base/metrics.h"

#include <stdatomic.h>

/* A line of the processor's cache each, so that workers do not slow one another. */
static struct { _Alignas(64) _Atomic int64_t count; } counts[METRIC_COUNT];

static const struct {
    const char *name, *type, *help;
} metrics[METRIC_COUNT] = {
#define X(id, name, type, help) {name, type, help},
    METRICS(X)
#undef X
};

void metric_add(enum metric metric, int64_t by) {
    atomic_fetch_add_explicit(&counts[metric].count, by, memory_order_relaxed);
}

void metric_raise(enum metric metric, int64_t at_least) {
    int64_t seen = atomic_load_explicit(&counts[metric].count, memory_order_relaxed);
    while (seen < at_least && !atomic_compare_exchange_weak(&counts[metric].count, &seen, at_least))
        ;
}

int64_t metric_get(enum metric metric) {
    return atomic_load_explicit(&counts[metric].count, memory_order_relaxed);
}

void metrics_write(struct buffer *buffer) {
    for (int i = 0; i < METRIC_COUNT; i++)
        buffer_printf(buffer, "# HELP %s %s\n# TYPE %s %s\n%s %lld\n", metrics[i].name, metrics[i].help,
                      metrics[i].name, metrics[i].type, metrics[i].name, (long long)metric_get((enum metric)i));
}
