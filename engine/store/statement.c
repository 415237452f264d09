#include "store/rows.h"

#include <stdio.h>
#include <stdlib.h>

_Static_assert((int)STATEMENT_PARAMETERS_MOST <= (int)STATEMENT_PARAMETERS_MAX,
               "a statement of sql/ has too many parameters");

/* A call that no input can make right: going on would answer with the wrong row. */
static _Noreturn void bug(const char *what, const char *name) {
    fprintf(stderr, "moonlatch: bug: %s: %s\n", what, name);
    abort();
}

struct batch batch_in(struct arena *arena) {
    return (struct batch){.arena = arena};
}

struct rows *batch_add_values(struct batch *batch, enum statement statement, const struct db_value *values,
                              size_t count) {
    const struct statement_text *text = &statement_texts[statement];
    if (count != text->parameters)
        bug("wrong number of parameters for a statement", text->name);
    if (batch->count == BATCH_STATEMENTS_MAX)
        bug("too many statements in a batch", text->name);
    /* The caller's array may go out of scope before db_run. */
    struct db_value *kept = arena_alloc(batch->arena, (count + 1) * sizeof(*kept));
    for (size_t i = 0; i < count; i++)
        kept[i] = values[i];
    struct rows *rows = arena_zalloc(batch->arena, sizeof(*rows));
    batch->calls[batch->count].statement = statement;
    batch->calls[batch->count].parameters = (unsigned)count;
    batch->calls[batch->count].values = kept;
    batch->calls[batch->count].rows = rows;
    batch->count++;
    return rows;
}

void batch_copy(struct batch *into, struct arena *arena, const struct batch *from) {
    *into = batch_in(arena);
    into->timeout_ms = from->timeout_ms;
    for (size_t i = 0; i < from->count; i++) {
        struct db_value values[STATEMENT_PARAMETERS_MAX];
        for (size_t j = 0; j < from->calls[i].parameters; j++) {
            values[j] = from->calls[i].values[j];
            values[j].bytes = arena_copy(arena, values[j].bytes);
        }
        batch_add_values(into, from->calls[i].statement, values, from->calls[i].parameters);
    }
}

bool batch_reads(const struct batch *batch) {
    for (size_t i = 0; i < batch->count; i++)
        if (!statement_texts[batch->calls[i].statement].reads)
            return false;
    return true;
}

static const struct db_value *cell(const struct rows *rows, size_t row, const char *column) {
    if (row >= rows->count)
        bug("a row that is not there, column", column);
    static _Thread_local size_t next; /* most are read in their order */
    for (size_t left = rows->columns; left; left--, next++) {
        next = next < rows->columns ? next : 0;
        if (rows->names[next][0] == column[0] && strcmp(rows->names[next], column) == 0)
            return &rows->values[row * rows->columns + next++];
    }
    bug("the statement has no such column", column);
}

struct slice row_text(const struct rows *rows, size_t row, const char *column) {
    const struct db_value *value = cell(rows, row, column);
    if (value->kind == DB_NULL)
        return SLICE_NONE;
    if (value->kind != DB_TEXT && value->kind != DB_BLOB)
        bug("the column is no text", column);
    return value->bytes;
}

int64_t row_int(const struct rows *rows, size_t row, const char *column) {
    const struct db_value *value = cell(rows, row, column);
    if (value->kind == DB_TEXT || value->kind == DB_BLOB)
        bug("the column is no number", column);
    return value->kind == DB_NULL ? 0 : value->integer;
}

bool row_bool(const struct rows *rows, size_t row, const char *column) {
    return row_int(rows, row, column) != 0;
}

bool row_is_null(const struct rows *rows, size_t row, const char *column) {
    return cell(rows, row, column)->kind == DB_NULL;
}

void columns_begin(struct columns *columns, size_t count) {
    columns->count = count;
    columns->names = calloc(count + 1, sizeof(*columns->names));
    if (!columns->names)
        abort();
}

void columns_name(struct columns *columns, size_t column, const char *name) {
    if (!(columns->names[column] = strdup(name)))
        abort();
}

void columns_free(struct columns *columns) {
    for (size_t i = 0; i < columns->count; i++)
        free((char *)(uintptr_t)columns->names[i]);
    free(columns->names);
}

struct db_value *rows_extend(struct rows *rows, struct arena *arena, size_t *capacity) {
    if (rows->count == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 1; /* most statements give one row */
        struct db_value *values = arena_alloc(arena, *capacity * rows->columns * sizeof(*values));
        if (rows->count)
            memcpy(values, rows->values, rows->count * rows->columns * sizeof(*values));
        rows->values = values;
    }
    return &rows->values[rows->count * rows->columns];
}

void rows_copy(struct rows *into, struct arena *arena, const struct rows *from) {
    size_t cells = from->count * from->columns;
    *into = *from;
    into->values = arena_alloc(arena, cells * sizeof(*into->values));
    for (size_t i = 0; i < cells; i++) {
        into->values[i] = from->values[i];
        into->values[i].bytes = arena_copy(arena, from->values[i].bytes);
    }
}

size_t rows_packed_size(const struct rows *rows) {
    size_t cells = rows->count * rows->columns;
    size_t size = sizeof(*rows) + cells * sizeof(*rows->values);
    for (size_t i = 0; i < cells; i++)
        size += slice_is_set(rows->values[i].bytes) ? rows->values[i].bytes.len + 1 : 0;
    return size;
}

void rows_pack(void *block, const struct rows *rows) {
    struct rows *packed = block;
    size_t cells = rows->count * rows->columns;
    *packed = *rows;
    packed->values = (struct db_value *)(packed + 1);
    char *next = (char *)(packed->values + cells);
    for (size_t i = 0; i < cells; i++) {
        struct db_value *value = &packed->values[i];
        *value = rows->values[i];
        if (!slice_is_set(value->bytes))
            continue;
        memcpy(next, value->bytes.at, value->bytes.len);
        next[value->bytes.len] = '\0'; /* as arena_copy does */
        value->bytes.at = next;
        next += value->bytes.len + 1;
    }
}

struct rows *rows_unpack(struct arena *arena, const void *block, size_t size) {
    struct rows *rows = arena_alloc(arena, size);
    memcpy(rows, block, size);
    rows->values = (struct db_value *)(rows + 1);
    for (size_t i = 0; i < rows->count * rows->columns; i++)
        if (slice_is_set(rows->values[i].bytes))
            rows->values[i].bytes.at = (const char *)rows + (rows->values[i].bytes.at - (const char *)block);
    return rows;
}
