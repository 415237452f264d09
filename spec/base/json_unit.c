#include "../../engine/base/json.c"

#include "../unit/unit.h"

static struct arena arena;

static bool again(const char *text, const char *expected) {
    struct value *value = json_parse(&arena, slice_of(text), NULL);
    struct buffer out = buffer_in(&arena);
    if (!value)
        return false;
    json_write(&out, value);
    return slice_is(buffer_slice(&out), expected);
}

static void reads_and_writes(void) {
    CHECK(again("{\"b\":[1,-2.5,true,false,null,\"x\"],\"a\":{}}", "{\"b\":[1,-2.5,true,false,null,\"x\"],\"a\":{}}"));
    CHECK(again("[]", "[]"));
    CHECK(again("\"\\u00e4\\n\\\"\\\\\"", "\"\xc3\xa4\\u000a\\\"\\\\\""));
    CHECK(again("-9223372036854775808", "-9223372036854775808"));
}

static void refuses(void) {
    const char *const bad[] = {"",    "{",  "{\"a\":1,\"a\":2}", "\"\\u0000\"", "\"\xff\"", "01", "NaN", "[1,]",
                               "1 2", "'a'"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CHECK(!json_parse(&arena, slice_of(bad[i]), NULL));
    struct slice why = SLICE_NONE;
    CHECK(!json_parse(&arena, SLICE("{\"a\" 1}"), &why) && why.len > 0);
}

static void bounds_the_depth_before_it_recurses(void) {
    char text[2 * 100000 + 1];
    memset(text, '[', 100000);
    memset(text + 100000, ']', 100000);
    CHECK(!json_parse(&arena, (struct slice){text, 200000}, NULL));
    CHECK(!json_parse(&arena, (struct slice){text, 100000}, NULL));
    CHECK(json_parse(&arena, (struct slice){text + 100000 - JSON_DEPTH_MAX, 2 * JSON_DEPTH_MAX}, NULL));
    CHECK(!json_parse(&arena, (struct slice){text + 100000 - JSON_DEPTH_MAX - 1, 2 * JSON_DEPTH_MAX + 2}, NULL));
    CHECK(json_parse(&arena, SLICE("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\""), NULL));
}

/* Every byte at every place of texts that are shorter and longer than the words they are looked at in. */
static void escapes_wherever_it_stands(void) {
    char text[40], expected[80];
    for (size_t len = 1; len <= sizeof(text); len++) {
        for (size_t at = 0; at < len; at++) {
            for (int byte = 0; byte < 256; byte++) {
                memset(text, 'x', len);
                text[at] = (char)byte;
                char escaped[8] = {(char)byte, '\0'};
                if (byte < 0x20 || byte == 0x7f)
                    snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned)byte);
                else if (byte == '"' || byte == '\\')
                    snprintf(escaped, sizeof(escaped), "\\%c", byte);
                else if (byte >= 0x80)
                    snprintf(escaped, sizeof(escaped), "\xef\xbf\xbd");
                snprintf(expected, sizeof(expected), "\"%.*s%s%.*s\"", (int)at, text, escaped, (int)(len - at - 1),
                         text + at + 1);
                struct arena own;
                arena_init(&own);
                struct buffer out = buffer_in(&own);
                json_write_text(&out, (struct slice){text, len});
                CHECK(slice_is(buffer_slice(&out), expected));
                CHECK(utf8_is_valid((struct slice){text, len}) == (byte < 0x80));
                arena_free(&own);
            }
        }
    }
}

static void writes_bad_utf8_as_replacement(void) {
    struct buffer out = buffer_in(&arena);
    json_write_text(&out, SLICE("a\xff\xc3(\xed\xa0\x80z"));
    CHECK(slice_is(buffer_slice(&out), "\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\""));
}

/* A terminal obeys C1 and bidirectional controls, and a reader of lines U+2028; their neighbours are letters and
 * blanks. */
static void escapes_what_a_terminal_obeys(void) {
    struct buffer out = buffer_in(&arena);
    json_write_text(&out, SLICE("\xc2\x80\xc2\x9b\xc2\xa0\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa9\xd8\x9cz"));
    CHECK(slice_is(buffer_slice(&out), "\"\\u0080\\u009b\xc2\xa0\xe2\x80\xa7\\u2028\\u202e\\u2069\\u061cz\""));
}

static void copies_a_value_whole(void) {
    struct value *value = json_parse(&arena, SLICE("{\"a\":[1,{\"b\":\"c\"}],\"d\":null}"), NULL);
    struct buffer out = buffer_in(&arena);
    json_write(&out, value_copy(&arena, value));
    CHECK(slice_is(buffer_slice(&out), "{\"a\":[1,{\"b\":\"c\"}],\"d\":null}"));
    const struct value *inner = value_copy(&arena, value_get(value, "a"));
    CHECK(!inner->next && !inner->name.at && inner->count == 2);
}

int main(void) {
    arena_init(&arena);
    RUN(reads_and_writes);
    RUN(refuses);
    RUN(bounds_the_depth_before_it_recurses);
    RUN(escapes_wherever_it_stands);
    RUN(writes_bad_utf8_as_replacement);
    RUN(escapes_what_a_terminal_obeys);
    RUN(copies_a_value_whole);
    arena_free(&arena);
    arena_pool_drain();
    return unit_end();
}
