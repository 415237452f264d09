/* HTTP/1 as it comes in (http1_guard.h): whole, in bytes and in uneven pieces it is the same; what is let through is
 * let through again as it is; a body in chunks is written so that no reader can take it otherwise. */
#include "fuzz.h"

#include "server/http1_guard.h"

struct reading {
    struct http1_guard guard;
    struct slice out;
};

static struct reading read_pieces(struct arena *arena, struct slice input, size_t first, size_t size) {
    char *text = arena_alloc(arena, input.len + CHUNKED_SLACK);
    struct reading reading = {.out = {text, 0}};
    for (size_t at = 0, step = first; at < input.len; at += step, step = size) {
        step = step < input.len - at ? step : input.len - at;
        memcpy(text + reading.out.len, input.at + at, step);
        reading.out.len = http1_guard(&reading.guard, text, reading.out.len + step, step);
    }
    FUZZ_CHECK(reading.out.len <= input.len + CHUNKED_SLACK);
    return reading;
}

static void same_check(const struct reading *a, const struct reading *b) {
    FUZZ_CHECK(slice_equal(a->out, b->out));
    FUZZ_CHECK(a->guard.state == b->guard.state && a->guard.heads == b->guard.heads);
    FUZZ_CHECK(a->guard.ambiguous == b->guard.ambiguous && a->guard.line_len == b->guard.line_len);
}

/* Behind the head of a body in chunks: "<hex>CRLF data CRLF"…, "0 CRLF CRLF", or as far as that has come. */
static void chunks_check(struct slice rest) {
    while (rest.len && rest.at[0] != 'x') {
        size_t digits = 0;
        unsigned long long size = 0;
        for (; digits < rest.len && strchr("0123456789abcdef", rest.at[digits]) && rest.at[digits]; digits++)
            size = size << 4 | (unsigned long long)(rest.at[digits] - (rest.at[digits] < 'a' ? '0' : 'a' - 10));
        FUZZ_CHECK(digits > 0 && digits <= 16 && rest.len >= digits + 2 && (rest.at[0] != '0' || digits == 1));
        FUZZ_CHECK(rest.at[digits] == '\r' && rest.at[digits + 1] == '\n');
        rest = slice_from(rest, digits + 2);
        if (size == 0) {
            FUZZ_CHECK(rest.len == 2 && memcmp(rest.at, "\r\n", 2) == 0);
            return;
        }
        if (rest.len <= size)
            return;
        rest = slice_from(rest, size);
        FUZZ_CHECK(rest.at[0] == 'x' || (rest.len >= 2 && memcmp(rest.at, "\r\n", 2) == 0));
        if (rest.at[0] != 'x')
            rest = slice_from(rest, 2);
    }
    FUZZ_CHECK(rest.len <= 1);
}

static void body_check(struct arena *arena, struct slice input) {
    static const struct slice head = {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 56};
    struct chunked chunked = {0};
    char *out = arena_alloc(arena, input.len + CHUNKED_SLACK);
    size_t taken, len = chunked_read(&chunked, input.at, input.len, out, &taken);
    FUZZ_CHECK(taken <= input.len && len <= input.len + CHUNKED_SLACK);
    chunks_check((struct slice){out, len});
    /* The same behind a head, and what is behind its end is a request again. */
    struct slice request = arena_printf(arena, "%.*s", SLICE_ARG(head));
    char *whole = arena_alloc(arena, head.len + input.len);
    memcpy(whole, request.at, head.len);
    memcpy(whole + head.len, input.at, input.len);
    struct reading reading = read_pieces(arena, (struct slice){whole, head.len + input.len}, 1, SIZE_MAX / 2);
    FUZZ_CHECK(reading.out.len >= head.len + len && memcmp(reading.out.at + head.len, out, len) == 0);
    FUZZ_CHECK((chunked.state == CHUNKED_BROKEN) <= (reading.guard.state == HTTP1_OVER));
}

static void fuzz(struct arena *arena, struct slice input) {
    struct reading whole = read_pieces(arena, input, SIZE_MAX / 2, 1);
    struct reading bytes = read_pieces(arena, input, 1, 1);
    struct reading uneven = read_pieces(arena, input, input.len ? (unsigned char)input.at[0] % 61 + 1 : 1, 7);
    same_check(&whole, &bytes);
    same_check(&whole, &uneven);
    struct reading again = read_pieces(arena, whole.out, 3, 11);
    FUZZ_CHECK(slice_equal(again.out, whole.out) && again.guard.heads == whole.guard.heads);
    body_check(arena, input);
}
