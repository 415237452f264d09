#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>

char *buffer_reserve(struct buffer *buffer, size_t more) {
    if (buffer->capacity - buffer->len < more) {
        size_t capacity = buffer->capacity ? buffer->capacity * 2 : 512;
        while (capacity - buffer->len < more)
            capacity *= 2;
        char *at = arena_alloc(buffer->arena, capacity);
        if (buffer->len)
            memcpy(at, buffer->at, buffer->len);
        buffer->at = at;
        buffer->capacity = capacity;
    }
    return buffer->at + buffer->len;
}

void buffer_add(struct buffer *buffer, struct slice s) {
    if (!s.len)
        return;
    memcpy(buffer_reserve(buffer, s.len), s.at, s.len);
    buffer->len += s.len;
}

void buffer_add_text(struct buffer *buffer, const char *text) {
    buffer_add(buffer, slice_of(text));
}

void buffer_add_byte(struct buffer *buffer, char byte) {
    *buffer_reserve(buffer, 1) = byte;
    buffer->len++;
}

void buffer_add_int(struct buffer *buffer, int64_t number) {
    char digits[24];
    char *end = digits + sizeof(digits), *at = end;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        *--at = '-';
    buffer_add(buffer, (struct slice){at, (size_t)(end - at)});
}

void buffer_printf(struct buffer *buffer, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    vsnprintf(buffer_reserve(buffer, (size_t)len + 1), (size_t)len + 1, format, again);
    va_end(again);
    buffer->len += (size_t)len;
}
