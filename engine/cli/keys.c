/* moonlatch keys rotate | list: the keys that sign tokens. */
#include "cli/command.h"

#include "base/clock.h"
#include "registry/signing_keys.h"

static bool has_successor(const struct rows *rows, size_t row, int64_t now_s) {
    return row + 1 < rows->count && slice_equal(row_text(rows, row, "alg"), row_text(rows, row + 1, "alg")) &&
           row_int(rows, row + 1, "active_from") <= now_s;
}

/* Rows are in the order of algorithm and generation. */
static const char *state_of(const struct rows *rows, size_t row) {
    int64_t now_s = clock_now_s();
    return row_int(rows, row, "active_from") > now_s ? "published"
           : has_successor(rows, row, now_s)         ? "retiring"
                                                     : "signs";
}

enum error command_keys_list(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    struct rows *rows;
    enum error error = signing_keys_read(&workplace->request, &rows);
    *result = value_list(arena);
    for (size_t i = 0; !error && i < rows->count; i++) {
        struct value *key = value_map(arena);
        value_set_text(arena, key, "key_id", row_text(rows, i, "key_id"));
        value_set_text(arena, key, "alg", row_text(rows, i, "alg"));
        value_set_text(arena, key, "state", slice_of(state_of(rows, i)));
        value_set_text(arena, key, "created_at", clock_rfc3339(arena, row_int(rows, i, "created_at")));
        value_set_text(arena, key, "active_from", clock_rfc3339(arena, row_int(rows, i, "active_from")));
        value_set_text(arena, key, "needed_until", clock_rfc3339(arena, row_int(rows, i, "needed_until")));
        value_append(*result, key);
    }
    return error;
}

enum error command_keys_rotate(struct workplace *workplace, struct value **result) {
    const struct options *options = &workplace->line->options;
    enum error error = option_is_set(options, "anew")
                           ? signing_keys_renew(&workplace->request)
                           : signing_keys_rotate(&workplace->request, option_is_set(options, "now"));
    return error ? error : command_keys_list(workplace, result);
}
