#include "registry/audit_export.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"

#include <stdio.h>

static const char *const columns[] = {"time",   "audit_id", "kind",           "request_id", "user_id",  "username",
                                      "app_id", "address",  "policy_version", "detail",     "decisions"};
enum { COLUMNS = sizeof(columns) / sizeof(*columns) };

/* RFC 3339 with milliseconds: "2026-11-24T15:04:05.123Z". */
static struct slice time_of(struct arena *arena, int64_t at_ms) {
    struct slice second = clock_rfc3339(arena, at_ms / 1000);
    return arena_printf(arena, "%.19s.%03dZ", second.at, (int)(at_ms % 1000));
}

static struct slice cell_of(struct arena *arena, const struct rows *rows, size_t row, size_t column) {
    return column == 0 ? time_of(arena, row_int(rows, row, "at_ms")) : row_text(rows, row, columns[column]);
}

void csv_cell_write(struct buffer *text, struct slice raw) {
    struct buffer plain = buffer_in(text->arena);
    utf8_add_escaped(&plain, raw, true);
    struct slice cell = buffer_slice(&plain);
    bool is_formula = cell.len && memchr("=+-@", cell.at[0], 4);
    bool is_quoted = is_formula;
    for (size_t i = 0; i < cell.len && !is_quoted; i++)
        is_quoted = cell.at[i] == '"' || cell.at[i] == ',' || cell.at[i] == '\n';
    if (!is_quoted) {
        buffer_add(text, cell);
        return;
    }
    buffer_add_text(text, is_formula ? "\"'" : "\"");
    while (slice_is_set(cell)) {
        buffer_add(text, slice_cut(&cell, '"'));
        if (slice_is_set(cell))
            buffer_add_text(text, "\"\"");
    }
    buffer_add_byte(text, '"');
}

void audit_csv_write(struct buffer *text, const struct rows *rows) {
    for (size_t i = 0; i < COLUMNS; i++) {
        buffer_add_text(text, i ? "," : "");
        buffer_add_text(text, columns[i]);
    }
    buffer_add_text(text, "\r\n");
    for (size_t row = 0; row < rows->count; row++) {
        for (size_t i = 0; i < COLUMNS; i++) {
            buffer_add_text(text, i ? "," : "");
            csv_cell_write(text, cell_of(text->arena, rows, row, i));
        }
        buffer_add_text(text, "\r\n");
    }
}

void audit_jsonl_write(struct buffer *text, const struct rows *rows) {
    for (size_t row = 0; row < rows->count; row++) {
        for (size_t i = 0; i < COLUMNS; i++) {
            struct slice cell = cell_of(text->arena, rows, row, i);
            buffer_printf(text, "%s\"%s\":", i ? "," : "{", columns[i]);
            if (!slice_is_set(cell))
                buffer_add_text(text, "null");
            else if (i + 1 == COLUMNS) /* it was written by json_write: one line */
                buffer_add(text, cell);
            else
                json_write_text(text, cell);
        }
        buffer_add_text(text, "}\n");
    }
}
