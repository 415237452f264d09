#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

int64_t clock_now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now); /* a few milliseconds behind, for a fifth of the price */
    return now.tv_sec;
}

int64_t clock_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static _Atomic int64_t skew_ms;

int64_t clock_shared_s(void) {
    return (clock_now_ms() - atomic_load_explicit(&skew_ms, memory_order_relaxed)) / 1000;
}

void clock_skew_set(int64_t ahead_ms) {
    atomic_store_explicit(&skew_ms, ahead_ms, memory_order_relaxed);
}

int64_t clock_monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_monotonic_ms(void) {
    return clock_monotonic_ns() / 1000000;
}

struct slice clock_rfc3339(struct arena *arena, int64_t unix_s) {
    time_t at = (time_t)unix_s;
    struct tm parts;
    gmtime_r(&at, &parts);
    struct slice text = arena_copy(arena, SLICE("yyyy-mm-ddThh:mm:ssZ"));
    char *out = (char *)text.at;
    const struct {
        int at, digits, number;
    } fields[] = {{0, 4, parts.tm_year + 1900}, {5, 2, parts.tm_mon + 1}, {8, 2, parts.tm_mday},
                  {11, 2, parts.tm_hour},       {14, 2, parts.tm_min},    {17, 2, parts.tm_sec}};
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        for (int digit = fields[i].digits, rest = fields[i].number; digit-- > 0; rest /= 10)
            out[fields[i].at + digit] = (char)('0' + rest % 10);
    return text;
}
