#include "base/history.h"

#include <pthread.h>

/* Counters as they stood at the begin of a period. */
struct sample {
    int64_t at_s;
    int64_t counts[METRIC_COUNT];
    int64_t latency[LATENCY_BUCKETS];
};

static struct ring {
    const int64_t period_s;
    const size_t capacity;
    struct sample *const samples;
    size_t count, last; /* index of the newest */
} rings[] = {
    [HISTORY_HOUR] = {60, 60, (struct sample[60]){{0}}, 0, 0},
    [HISTORY_DAY] = {900, HISTORY_POINTS_MAX, (struct sample[HISTORY_POINTS_MAX]){{0}}, 0, 0},
};
static int64_t since_s;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void sample_take(struct sample *sample, int64_t at_s) {
    sample->at_s = at_s;
    for (int i = 0; i < METRIC_COUNT; i++)
        sample->counts[i] = metric_get((enum metric)i);
    latency_read(sample->latency);
}

static struct sample *ring_push(struct ring *ring) {
    ring->last = ring->count ? (ring->last + 1) % ring->capacity : 0;
    ring->count += ring->count < ring->capacity;
    return &ring->samples[ring->last];
}

/* A period that nobody sampled (the machine slept) is one in which nothing happened. A clock that was set back waits
 * until time has come there again; one that was set far forward leaves nothing of the past. */
static void ring_tick(struct ring *ring, int64_t now_s) {
    int64_t at_s = now_s - now_s % ring->period_s;
    if (!ring->count) {
        sample_take(ring_push(ring), at_s);
        return;
    }
    int64_t newest_s = ring->samples[ring->last].at_s;
    if (at_s <= newest_s)
        return;
    if ((at_s - newest_s) / ring->period_s > (int64_t)ring->capacity)
        newest_s = at_s - (int64_t)ring->capacity * ring->period_s;
    struct sample now;
    sample_take(&now, at_s);
    for (int64_t missed_s = newest_s + ring->period_s; missed_s <= at_s; missed_s += ring->period_s) {
        now.at_s = missed_s;
        *ring_push(ring) = now;
    }
}

void history_begin(int64_t now_s) {
    pthread_mutex_lock(&mutex);
    since_s = now_s;
    for (size_t i = 0; i < sizeof(rings) / sizeof(*rings); i++) {
        rings[i].count = 0;
        ring_tick(&rings[i], now_s);
    }
    pthread_mutex_unlock(&mutex);
}

static bool is_due(const struct ring *ring, int64_t now_s) {
    return ring->count && now_s - ring->samples[ring->last].at_s >= ring->period_s;
}

/* Only the thread that samples writes, so it may look without the lock. */
void history_tick(int64_t now_s) {
    if (!is_due(&rings[HISTORY_HOUR], now_s) && !is_due(&rings[HISTORY_DAY], now_s))
        return;
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < sizeof(rings) / sizeof(*rings); i++)
        ring_tick(&rings[i], now_s);
    pthread_mutex_unlock(&mutex);
}

static void difference(struct history_point *point, const struct sample *from, const struct sample *to) {
    point->at_s = from->at_s;
    for (int i = 0; i < METRIC_COUNT; i++)
        point->counts[i] = to->counts[i] - from->counts[i];
    for (int i = 0; i < LATENCY_BUCKETS; i++)
        point->latency[i] = to->latency[i] - from->latency[i];
}

struct history history_read(struct arena *arena, enum history_span span, int64_t now_s) {
    pthread_mutex_lock(&mutex);
    const struct ring *ring = &rings[span];
    struct history history = {.since_s = since_s, .period_s = ring->period_s, .count = ring->count};
    history.points = arena_zalloc(arena, (ring->count + 1) * sizeof(*history.points));
    struct sample *now = arena_alloc(arena, sizeof(*now));
    sample_take(now, now_s);
    for (size_t i = 0; i < ring->count; i++) {
        size_t at = (ring->last + ring->capacity - ring->count + 1 + i) % ring->capacity;
        bool is_newest = i + 1 == ring->count;
        difference(&history.points[i], &ring->samples[at], is_newest ? now : &ring->samples[(at + 1) % ring->capacity]);
    }
    pthread_mutex_unlock(&mutex);
    return history;
}
