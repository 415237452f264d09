#include "base/log.h"

#include "base/clock.h"
#include "base/json.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { PENDING_MAX = 16384, LIBRARY_LINES_PER_S = 5 };

static _Atomic int least_level = LOG_INFO;
static _Thread_local char pending[PENDING_MAX];
static _Thread_local size_t pending_len;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_level_set(enum log_level level) {
    atomic_store(&least_level, (int)level);
}

bool log_level_from(const char *name, enum log_level *level) {
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_is_on(enum log_level level) {
    return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

static void write_all(const char *at, size_t len) {
    while (len) {
        ssize_t wrote = write(STDERR_FILENO, at, len);
        if (wrote <= 0)
            return; /* nobody reads the log: losing it must not stop the server */
        at += wrote;
        len -= (size_t)wrote;
    }
}

void log_flush(void) {
    write_all(pending, pending_len);
    pending_len = 0;
}

static void add_time(struct buffer *line) {
    struct timespec now;
    struct tm parts;
    char text[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    buffer_printf(line, "{\"time\":\"%s.%03dZ\"", text, (int)(now.tv_nsec / 1000000));
}

void log_event(enum log_level level, const char *event, const struct log_field *fields, size_t count) {
    if (!log_is_on(level))
        return;
    struct arena arena;
    arena_init(&arena);
    struct buffer line = buffer_in(&arena);
    add_time(&line);
    buffer_printf(&line, ",\"level\":\"%s\",\"event\":\"%s\"", level_names[level], event);
    for (size_t i = 0; i < count; i++) {
        buffer_printf(&line, ",\"%s\":", fields[i].name);
        if (fields[i].is_text)
            json_write_text(&line, fields[i].text);
        else
            buffer_add_int(&line, fields[i].integer);
    }
    buffer_add_text(&line, "}\n");
    if (pending_len + line.len > PENDING_MAX)
        log_flush();
    if (line.len > PENDING_MAX) {
        write_all(line.at, line.len);
    } else {
        memcpy(pending + pending_len, line.at, line.len);
        pending_len += line.len;
    }
    arena_free(&arena);
    if (level >= LOG_WARN)
        log_flush();
}

static FILE *real_stderr;

/* A peer can make libh2o print a line for each frame: a few in a second tell as much as all of them. */
static bool is_too_many(void) {
    static _Atomic int64_t second, count;
    int64_t now_s = clock_now_s();
    if (atomic_exchange(&second, now_s) != now_s)
        atomic_store(&count, 0);
    return atomic_fetch_add(&count, 1) >= LIBRARY_LINES_PER_S;
}

static ssize_t line_take(void *cookie, const char *text, size_t len) {
    (void)cookie;
    struct slice rest = {text, len};
    while (slice_is_set(rest)) {
        struct slice line = slice_cut(&rest, '\n');
        if (line.len && !is_too_many())
            log_warn("library", log_text("text", line));
    }
    return (ssize_t)len;
}

void log_capture_stderr(void) {
    FILE *captured = fopencookie(NULL, "w", (cookie_io_functions_t){.write = line_take});
    if (!captured)
        return;
    setvbuf(captured, NULL, _IOLBF, BUFSIZ);
    real_stderr = stderr;
    stderr = captured;
}

void log_release_stderr(void) {
    if (!real_stderr)
        return;
    fclose(stderr);
    stderr = real_stderr;
    real_stderr = NULL;
}
