#include "policy/time.h"

#include "policy/policy.h"

#include <stdatomic.h>

#define NAME "moonlatch_policy_seconds"

static const int64_t bounds_us[] = {1, 2, 5, 10, 20, 50, 100, 500, 1000, 5000, 20000, 50000};

enum { BOUNDS = sizeof(bounds_us) / sizeof(*bounds_us) };

/* The last bucket is of what is beyond all bounds. */
static struct {
    _Alignas(64) _Atomic int64_t buckets[BOUNDS + 1];
    _Atomic int64_t sum_ns;
} times[FUNCTION_COUNT];

void policy_time_observe(enum policy_function function, int64_t took_ns) {
    int bucket = 0;
    while (bucket < BOUNDS && took_ns > bounds_us[bucket] * 1000)
        bucket++;
    atomic_fetch_add_explicit(&times[function].buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&times[function].sum_ns, took_ns, memory_order_relaxed);
}

/* Functions that were never called are left out. */
static void function_write(struct buffer *buffer, int function) {
    const struct declared_function *declared = &declared_functions[function];
    int64_t count = 0;
    for (int i = 0; i <= BOUNDS; i++)
        count += atomic_load_explicit(&times[function].buckets[i], memory_order_relaxed);
    if (!count)
        return;
    int64_t so_far = 0;
    for (int i = 0; i < BOUNDS; i++) {
        so_far += atomic_load_explicit(&times[function].buckets[i], memory_order_relaxed);
        buffer_printf(buffer, NAME "_bucket{function=\"%s.%s\",le=\"%g\"} %lld\n", declared->file, declared->name,
                      (double)bounds_us[i] / 1e6, (long long)so_far);
    }
    buffer_printf(buffer, NAME "_bucket{function=\"%s.%s\",le=\"+Inf\"} %lld\n", declared->file, declared->name,
                  (long long)count);
    buffer_printf(buffer, NAME "_sum{function=\"%s.%s\"} %.9f\n", declared->file, declared->name,
                  (double)atomic_load_explicit(&times[function].sum_ns, memory_order_relaxed) / 1e9);
    buffer_printf(buffer, NAME "_count{function=\"%s.%s\"} %lld\n", declared->file, declared->name, (long long)count);
}

void policy_metrics_write(struct buffer *buffer) {
    buffer_add_text(buffer, "# HELP " NAME " Time of each policy decision\n# TYPE " NAME " histogram\n");
    for (int i = 0; i < FUNCTION_COUNT; i++)
        function_write(buffer, i);
}
