#include "registry/audit_search.h"

#include <ctype.h>

enum { CURSOR_DIGITS_MAX = 16, CURSOR_ID_MAX = 64 };

struct audit_filter audit_filter_all(void) {
    return (struct audit_filter){.to_ms = INT64_MAX, .before_ms = INT64_MAX, .before_id = SLICE("")};
}

/* The index that leaves least to look at, as a rule. */
static enum statement statement_of(const struct audit_filter *filter) {
    return slice_is_set(filter->request_id) ? STATEMENT_admin_audit_of_request
           : slice_is_set(filter->user_id)  ? STATEMENT_admin_audit_by_user
           : slice_is_set(filter->app_id)   ? STATEMENT_admin_audit_by_app
           : slice_is_set(filter->address)  ? STATEMENT_admin_audit_by_address
           : slice_is_set(filter->kind)     ? STATEMENT_admin_audit_by_kind
                                            : STATEMENT_admin_audit_by_time;
}

struct rows *audit_search(struct batch *batch, const struct audit_filter *filter, int64_t limit) {
    bool ends_before = filter->to_ms <= filter->before_ms;
    const struct db_value values[] = {
        db_int(filter->from_ms),
        db_int(ends_before ? filter->to_ms : filter->before_ms),
        db_text(ends_before ? SLICE("") : filter->before_id), /* before every row of that time */
        db_int(limit),
        db_text(filter->kind),
        db_text(filter->user_id),
        db_text(filter->app_id),
        db_text(filter->address),
        db_text(filter->request_id),
    };
    enum statement statement = statement_of(filter);
    size_t count = sizeof(values) / sizeof(*values);
    return batch_add_values(batch, statement, values,
                            statement == STATEMENT_admin_audit_of_request ? count : count - 1);
}

struct slice audit_cursor(struct arena *arena, const struct rows *rows, size_t row) {
    return arena_printf(arena, "%lld.%.*s", (long long)row_int(rows, row, "at_ms"),
                        SLICE_ARG(row_text(rows, row, "audit_id")));
}

bool audit_cursor_read(struct slice text, struct audit_filter *filter) {
    struct slice id = text, digits = slice_cut(&id, '.');
    if (!slice_is_set(id) || !id.len || id.len > CURSOR_ID_MAX || !digits.len || digits.len > CURSOR_DIGITS_MAX)
        return false;
    int64_t at_ms = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (!isdigit((unsigned char)digits.at[i]))
            return false;
        at_ms = at_ms * 10 + (digits.at[i] - '0');
    }
    filter->before_ms = at_ms;
    filter->before_id = id;
    return true;
}
