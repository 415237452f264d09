/* Structured log: one JSON object a line on stderr, with "time", "level", "event" and the fields
 * that the caller names. Secrets and URL queries are never given to it.
 *
 *   log_info("listening", log_text("address", address), log_int("workers", 2));
 *
 * Lines gather in a small buffer of the thread; log_flush() writes them (the loop calls it once a
 * turn). A warning or an error flushes at once. Safe from any thread. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/slice.h"

#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
    const char *name;
    bool is_text;
    struct slice text;
    int64_t integer;
};

static inline struct log_field log_text(const char *name, struct slice text) {
    return (struct log_field){.name = name, .is_text = true, .text = text};
}

static inline struct log_field log_string(const char *name, const char *text) {
    return log_text(name, slice_of(text));
}

static inline struct log_field log_int(const char *name, int64_t integer) {
    return (struct log_field){.name = name, .integer = integer};
}

/* Lines below this level are dropped. LOG_INFO at start. */
void log_level_set(enum log_level level);
bool log_level_from(const char *name, enum log_level *level);
bool log_is_on(enum log_level level);

void log_event(enum log_level level, const char *event, const struct log_field *fields, size_t count);
void log_flush(void);

/* From now on what libraries print on stderr becomes log lines of the event "library" (libh2o tells there of frames
 * that it skips); until log_release_stderr. */
void log_capture_stderr(void);
void log_release_stderr(void);

#define LOG_FIELDS(...) \
    (const struct log_field[]){__VA_ARGS__}, sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field)
#define log_debug(event, ...) log_event(LOG_DEBUG, event, LOG_FIELDS(__VA_ARGS__))
#define log_info(event, ...) log_event(LOG_INFO, event, LOG_FIELDS(__VA_ARGS__))
#define log_warn(event, ...) log_event(LOG_WARN, event, LOG_FIELDS(__VA_ARGS__))
#define log_error(event, ...) log_event(LOG_ERROR, event, LOG_FIELDS(__VA_ARGS__))

#endif
