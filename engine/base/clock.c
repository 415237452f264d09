#include "base/clock.h"

#include <time.h>

int64_t clock_now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

int64_t clock_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
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
    enum { LENGTH = 20 };
    time_t at = (time_t)unix_s;
    struct tm parts;
    gmtime_r(&at, &parts);
    char *text = arena_alloc(arena, LENGTH + 12);
    size_t len = strftime(text, LENGTH + 12, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return (struct slice){text, len};
}
