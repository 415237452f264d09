/* A buffer: text that grows inside an arena. Whoever owns the arena owns the bytes. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/arena.h"

struct buffer {
    struct arena *arena;
    char *at;
    size_t len, capacity;
};

static inline struct buffer buffer_in(struct arena *arena) {
    return (struct buffer){.arena = arena};
}

/* Room for `more` bytes behind the text; the caller writes there and adds to len. */
char *buffer_reserve(struct buffer *buffer, size_t more);

void buffer_add(struct buffer *buffer, struct slice s);
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_add_byte(struct buffer *buffer, char byte);
void buffer_add_int(struct buffer *buffer, int64_t number);
void buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What has been written so far; never absent. Invalid after the next write. */
static inline struct slice buffer_slice(const struct buffer *buffer) {
    return (struct slice){buffer->at ? buffer->at : "", buffer->len};
}

#endif
