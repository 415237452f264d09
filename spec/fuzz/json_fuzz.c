/* JSON bodies: what is read is clean, bounded, and the same when written and read again. */
#include "fuzz.h"

#include "base/json.h"

static void check(const struct value *value, int depth) {
    FUZZ_CHECK(depth <= JSON_DEPTH_MAX + 1);
    if (value->kind == VALUE_TEXT)
        FUZZ_CHECK(fuzz_is_clean(value->text));
    if (value->kind != VALUE_LIST && value->kind != VALUE_MAP)
        return;
    size_t count = 0;
    for (const struct value *child = value->first; child; child = child->next, count++) {
        check(child, depth + 1);
        if (value->kind == VALUE_MAP) {
            FUZZ_CHECK(fuzz_is_clean(child->name));
            FUZZ_CHECK(value_get_slice(value, child->name) == child); /* no name twice */
        }
    }
    FUZZ_CHECK(count == value->count);
}

static void fuzz(struct arena *arena, struct slice input) {
    struct slice why = SLICE_NONE;
    struct value *value = json_parse(arena, input, &why);
    if (!value) {
        FUZZ_CHECK(why.len > 0);
        return;
    }
    FUZZ_CHECK(utf8_is_valid(input));
    check(value, 0);
    struct buffer first = buffer_in(arena), second = buffer_in(arena);
    json_write(&first, value);
    struct value *again = json_parse(arena, buffer_slice(&first), &why);
    FUZZ_CHECK(again);
    json_write(&second, again);
    FUZZ_CHECK(slice_equal(buffer_slice(&first), buffer_slice(&second)));
}
