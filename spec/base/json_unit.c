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

static void writes_bad_utf8_as_replacement(void) {
    struct buffer out = buffer_in(&arena);
    json_write_text(&out, SLICE("a\xff\xc3(\xed\xa0\x80z"));
    CHECK(slice_is(buffer_slice(&out), "\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\""));
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
    RUN(writes_bad_utf8_as_replacement);
    RUN(copies_a_value_whole);
    arena_free(&arena);
    arena_pool_drain();
    return unit_end();
}
