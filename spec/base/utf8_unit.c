#include "../../engine/base/utf8.c"

#include "../unit/unit.h"

static struct arena arena;

static struct slice escaped(struct slice text, bool has_lines) {
    struct buffer out = buffer_in(&arena);
    utf8_add_escaped(&out, text, has_lines);
    return buffer_slice(&out);
}

static void escapes_what_a_terminal_obeys(void) {
    CHECK(slice_is(escaped(SLICE("a\x1b[31mRED\x1b]0;owned\x07\x7f"), false), "a\\x1b[31mRED\\x1b]0;owned\\x07\\x7f"));
    CHECK(slice_is(escaped(SLICE("a\tb\nc\r\0"), false), "a\\x09b\\x0ac\\x0d\\x00"));
    CHECK(slice_is(escaped(SLICE("a\tb\nc"), true), "a\\x09b\nc"));
    CHECK(slice_is(escaped(SLICE("\xc2\x9b"
                                 "31m \xe2\x80\xae \xe2\x81\xa6 \xe2\x80\xa8 \xd8\x9c"),
                           true),
                   "\\u{9b}31m \\u{202e} \\u{2066} \\u{2028} \\u{61c}"));
    CHECK(slice_is(escaped(SLICE("\xff\xc3(\xed\xa0\x80"), false), "\\xff\\xc3(\\xed\\xa0\\x80"));
    CHECK(slice_is(escaped(SLICE("Gr\xc3\xbc\xc3\x9f"
                                 "e \xd7\xa9 \xf0\x9f\x8c\x99"),
                           false),
                   "Gr\xc3\xbc\xc3\x9f"
                   "e \xd7\xa9 \xf0\x9f\x8c\x99"));
}

static void knows_controls(void) {
    CHECK(utf8_has_controls(SLICE("a\tb"), true) && utf8_has_controls(SLICE("a\rb"), true));
    CHECK(utf8_has_controls(SLICE("a\nb"), false) && !utf8_has_controls(SLICE("a\nb\r\nc"), true));
    CHECK(utf8_has_controls(SLICE("\x7f"), true) && utf8_has_controls(SLICE("x\xc2\x85"), true));
    CHECK(!utf8_has_controls(SLICE("Gr\xc3\xbc\xc2\xa0\xe2\x80\x8f"), false));
}

static void tidies_lines(void) {
    CHECK(slice_is(utf8_tidy(&arena, SLICE("\n\n one \r\n\n \t\n\n  two  \n\n")), "one\ntwo"));
    CHECK(slice_is(utf8_tidy(&arena, SLICE("one")), "one") && slice_is(utf8_tidy(&arena, SLICE("\n \n")), ""));
    CHECK(!slice_is_set(utf8_tidy(&arena, SLICE_NONE)) && slice_is_set(utf8_tidy(&arena, SLICE(""))));
}

int main(void) {
    arena_init(&arena);
    RUN(escapes_what_a_terminal_obeys);
    RUN(knows_controls);
    RUN(tidies_lines);
    arena_free(&arena);
    return unit_end();
}
