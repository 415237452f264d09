#include "base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

enum { INFO_LEN_MAX = 1000 };

/* A line of the processor's cache each, so that workers do not slow one another. */
static struct { _Alignas(64) _Atomic int64_t count; } counts[METRIC_COUNT];

static const struct {
    const char *name, *type, *help;
} metrics[METRIC_COUNT] = {
#define X(id, name, type, help) {name, type, help},
    METRICS(X)
#undef X
};

static const struct {
    const char *name, *label, *help;
} infos[INFO_COUNT] = {
#define X(id, name, label, help) {name, label, help},
    INFOS(X)
#undef X
};

static struct {
    char text[INFO_LEN_MAX];
    size_t len; /* 0: left out */
} info_texts[INFO_COUNT];
static pthread_mutex_t info_mutex = PTHREAD_MUTEX_INITIALIZER;

void metric_add(enum metric metric, int64_t by) {
    atomic_fetch_add_explicit(&counts[metric].count, by, memory_order_relaxed);
}

void metric_raise(enum metric metric, int64_t at_least) {
    int64_t seen = atomic_load_explicit(&counts[metric].count, memory_order_relaxed);
    while (seen < at_least && !atomic_compare_exchange_weak(&counts[metric].count, &seen, at_least))
        ;
}

void metric_set(enum metric metric, int64_t to) {
    atomic_store_explicit(&counts[metric].count, to, memory_order_relaxed);
}

int64_t metric_get(enum metric metric) {
    return atomic_load_explicit(&counts[metric].count, memory_order_relaxed);
}

void metric_info_set(enum info info, struct slice text) {
    pthread_mutex_lock(&info_mutex);
    info_texts[info].len = text.len < INFO_LEN_MAX ? text.len : INFO_LEN_MAX;
    if (text.len)
        memcpy(info_texts[info].text, text.at, info_texts[info].len);
    pthread_mutex_unlock(&info_mutex);
}

struct slice metric_info_get(struct arena *arena, enum info info) {
    pthread_mutex_lock(&info_mutex);
    struct slice text = SLICE_NONE;
    if (info_texts[info].len)
        text = arena_copy(arena, (struct slice){info_texts[info].text, info_texts[info].len});
    pthread_mutex_unlock(&info_mutex);
    return text;
}

static void infos_write(struct buffer *buffer) {
    pthread_mutex_lock(&info_mutex);
    for (int i = 0; i < INFO_COUNT; i++) {
        buffer_printf(buffer, "# HELP %s %s\n# TYPE %s gauge\n", infos[i].name, infos[i].help, infos[i].name);
        if (!info_texts[i].len)
            continue;
        buffer_printf(buffer, "%s{%s=\"", infos[i].name, infos[i].label);
        for (size_t at = 0; at < info_texts[i].len; at++) {
            char c = info_texts[i].text[at];
            if (c == '\\' || c == '"' || c == '\n')
                buffer_add_byte(buffer, '\\');
            buffer_add_byte(buffer, c == '\n' ? 'n' : c);
        }
        buffer_add_text(buffer, "\"} 1\n");
    }
    pthread_mutex_unlock(&info_mutex);
}

void metrics_write(struct buffer *buffer) {
    for (int i = 0; i < METRIC_COUNT; i++)
        buffer_printf(buffer, "# HELP %s %s\n# TYPE %s %s\n%s %lld\n", metrics[i].name, metrics[i].help,
                      metrics[i].name, metrics[i].type, metrics[i].name, (long long)metric_get((enum metric)i));
    infos_write(buffer);
}
