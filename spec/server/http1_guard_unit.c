/* HTTP/1 as it comes in, in every split of its bytes (chunked.h, http1_guard.h). The specs of http/chunked_spec ask the
 * same of a server; what is written for libh2o, only a unit sees. */
#include "../../engine/server/chunked.c"
#include "../../engine/server/http1_guard.c"

#include "../unit/unit.h"

#include <stdlib.h>

#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

struct reading {
    struct http1_guard guard;
    char *input;
    size_t size;
};

static void piece_read(struct reading *reading, struct slice piece) {
    reading->input = realloc(reading->input, reading->size + piece.len + CHUNKED_SLACK);
    memcpy(reading->input + reading->size, piece.at, piece.len);
    reading->size = http1_guard(&reading->guard, reading->input, reading->size + piece.len, piece.len);
}

/* What is let through of `text` in pieces of `first` and then of `size` bytes. */
static struct reading read_pieces(struct slice text, size_t first, size_t size) {
    struct reading reading = {.size = 0};
    for (size_t at = 0, step = first; at < text.len; at += step, step = size)
        piece_read(&reading, (struct slice){text.at + at, text.len - at < step ? text.len - at : step});
    return reading;
}

static bool is_let_through(struct slice text, struct slice expected, bool goes_on, uint64_t ambiguous) {
    bool ok = true;
    for (size_t size = 1; size <= text.len; size++) {
        struct reading reading = read_pieces(text, size % 7 + 1, size);
        struct slice got = {reading.input, reading.size};
        bool same = slice_equal(got, expected) && (reading.guard.state != HTTP1_OVER) == goes_on &&
                    reading.guard.ambiguous == ambiguous;
        if (!same)
            printf("# in pieces of %zu: %.*s\n", size, SLICE_ARG(got));
        ok = ok && same;
        free(reading.input);
    }
    return ok;
}

#define PASSES(text, expected) CHECK(is_let_through(SLICE(text), SLICE(expected), true, 0))
#define BREAKS(text, expected) CHECK(is_let_through(SLICE(text), SLICE(expected), false, 0))
#define AMBIGUOUS(number, text, expected) CHECK(is_let_through(SLICE(text), SLICE(expected), false, number))

static void passes_requests(void) {
    PASSES("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    PASSES("\r\nGET / HTTP/1.0\n\nGET / HTTP/1.0\r\n\r\n", "\r\nGET / HTTP/1.0\n\nGET / HTTP/1.0\r\n\r\n");
    PASSES(POST "content-LENGTH: 4\r\n\r\n\r\n\r\n" POST "Content-Length: 0\r\n\r\nG",
           POST "content-LENGTH: 4\r\n\r\n\r\n\r\n" POST "Content-Length: 0\r\n\r\nG");
}

static void rewrites_chunks(void) {
    PASSES(CHUNKED "3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.0\r\n\r\n",
           CHUNKED "3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.0\r\n\r\n");
    PASSES(CHUNKED "0003;a=\"\\\"\"\r\nabc\r\n000A \t; b\r\n0123456789\r\n00;c\r\nA: b\r\nC:\t\r\n\r\nG",
           CHUNKED "3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\nG");
    PASSES(CHUNKED "FFFFFFFFFFFFFFFF\r\nabc", CHUNKED "ffffffffffffffff\r\nabc");
    PASSES(CHUNKED "0\r\nA: b\r\n", CHUNKED); /* the end is not known to be sound */
    PASSES(CHUNKED "3\r\nabc\r\n0\r\n\r\n" CHUNKED "1;a\r\na\r\n0\r\n\r\n",
           CHUNKED "3\r\nabc\r\n0\r\n\r\n" CHUNKED "1\r\na\r\n0\r\n\r\n");
}

static void breaks_where_it_is_lax(void) {
    BREAKS(CHUNKED "0;\n\nGET", CHUNKED "x");
    BREAKS(CHUNKED "0x1f\r\n", CHUNKED "x");
    BREAKS(CHUNKED "3\r\nabc\n0\r\n\r\n", CHUNKED "3\r\nabcx");
    BREAKS(CHUNKED "3\r\nabc\r\r\n", CHUNKED "3\r\nabcx");
    BREAKS(CHUNKED "3\r\nabc\r\n1\n", CHUNKED "3\r\nabc\r\nx");
    BREAKS(CHUNKED "00000000000000001\r\n", CHUNKED "x");
    BREAKS(CHUNKED "0\r\nA : b\r\n\r\n", CHUNKED "x");
    BREAKS(CHUNKED "0\r\n\n", CHUNKED "x");
    BREAKS(CHUNKED "0\r\nGET / HTTP/1.1\r\n\r\n", CHUNKED "x");
    BREAKS(CHUNKED "1;\"a\"\r\na\r\n", CHUNKED "x");
    BREAKS(CHUNKED "\r\n", CHUNKED "x"); /* no size */
    BREAKS(CHUNKED ";a\r\n", CHUNKED "x");
    BREAKS(CHUNKED "1;\r\na", CHUNKED "x"); /* an extension that is cut off */
    BREAKS(CHUNKED "1;a=\r\na", CHUNKED "x");
    BREAKS(CHUNKED "1;a=\"b\r\na", CHUNKED "x");
    BREAKS(CHUNKED "1\ra", CHUNKED "x"); /* CR alone: of a size, of a trailer, of the end */
    BREAKS(CHUNKED "0\r\nA: b\rCD: d\r\n\r\n", CHUNKED "x");
    BREAKS(CHUNKED "0\r\n\rG", CHUNKED "x");
    BREAKS(CHUNKED "0\r\nA: \x7f\r\n\r\n", CHUNKED "x");
}

static void notes_the_ambiguous_and_lets_nothing_behind(void) {
    AMBIGUOUS(1, POST "Host: b\r\n\r\nGET", POST "Host: b\r\n\r\n");
    AMBIGUOUS(1, "GET / HTTP/1.1\r\n\r\nGET", "GET / HTTP/1.1\r\n\r\n");
    AMBIGUOUS(2, "GET / HTTP/1.0\r\n\r\n" POST "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabGET",
              "GET / HTTP/1.0\r\n\r\n" POST "Content-Length: 2\r\nContent-Length: 3\r\n\r\nab");
    AMBIGUOUS(1, POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
              POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nx");
    AMBIGUOUS(1, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0",
              "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\nx");
    BREAKS(POST "Transfer-Encoding: gzip\r\n\r\n0",
           POST "Transfer-Encoding: gzip\r\n\r\nx"); /* libh2o refuses the head */
    AMBIGUOUS(1, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
              POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\nx");
    BREAKS(POST "Content-Length: 2x\r\n\r\nab", POST "Content-Length: 2x\r\n\r\n");
    BREAKS(POST "Content-Length: \r\n\r\nab", POST "Content-Length: \r\n\r\n");
    BREAKS(POST "Content-Length: 18446744073709551618\r\n\r\nabGET", /* 2 in 64 bits */
           POST "Content-Length: 18446744073709551618\r\n\r\n");
}

static void bounds_what_is_aside(void) {
    static char text[2 * CHUNKED_ASIDE_MAX];
    for (int over = 0; over <= 1; over++) {
        struct slice head = SLICE(CHUNKED "1;");
        memcpy(text, head.at, head.len);
        size_t name = CHUNKED_ASIDE_MAX - 1 + (size_t)over;
        memset(text + head.len, 'a', name);
        memcpy(text + head.len + name, "\r\na", 3);
        struct reading reading = read_pieces((struct slice){text, head.len + name + 3}, 1, 1000);
        struct slice expected = over ? SLICE(CHUNKED "x") : SLICE(CHUNKED "1\r\na");
        CHECK(slice_equal((struct slice){reading.input, reading.size}, expected));
        free(reading.input);
    }
}

int main(void) {
    RUN(passes_requests);
    RUN(rewrites_chunks);
    RUN(breaks_where_it_is_lax);
    RUN(notes_the_ambiguous_and_lets_nothing_behind);
    RUN(bounds_what_is_aside);
    return unit_end();
}
