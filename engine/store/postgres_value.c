#include "store/postgres.h"

#include <stdio.h>

enum { DIGITS_MAX = 24, FORMAT_TEXT = 0, FORMAT_BINARY = 1 };

/* Types of the server (pg_type.dat). */
enum { TYPE_BOOL = 16, TYPE_BYTEA = 17, TYPE_INT8 = 20, TYPE_INT2 = 21, TYPE_INT4 = 23, TYPE_TEXT = 25 };

/* Texts and blobs go as they are; of numbers the server alone knows how wide they are, so they go as digits. */
bool value_send(PGconn *connection, enum statement statement, const struct db_value *values, size_t count) {
    const char *at[STATEMENT_PARAMETERS_MAX];
    int lengths[STATEMENT_PARAMETERS_MAX], formats[STATEMENT_PARAMETERS_MAX];
    char digits[STATEMENT_PARAMETERS_MAX][DIGITS_MAX];
    for (size_t i = 0; i < count; i++) {
        const struct db_value *value = &values[i];
        formats[i] = FORMAT_TEXT;
        lengths[i] = 0;
        switch (value->kind) {
        case DB_NULL:
            at[i] = NULL;
            break;
        case DB_BOOL:
            at[i] = value->integer ? "t" : "f";
            break;
        case DB_INT:
            snprintf(digits[i], DIGITS_MAX, "%lld", (long long)value->integer);
            at[i] = digits[i];
            break;
        case DB_TEXT:
        case DB_BLOB:
            at[i] = value->bytes.len ? value->bytes.at : "";
            lengths[i] = (int)value->bytes.len;
            formats[i] = FORMAT_BINARY;
            break;
        }
    }
    return PQsendQueryPrepared(connection, statement_texts[statement].name, (int)count, at, lengths, formats,
                               FORMAT_BINARY) == 1;
}

/* Big-endian, signed. */
static int64_t integer_from(const char *bytes, int length) {
    int64_t number = (signed char)bytes[0];
    for (int i = 1; i < length; i++)
        number = (int64_t)((uint64_t)number << 8 | (unsigned char)bytes[i]);
    return number;
}

static bool cell_read(struct db_value *value, struct arena *arena, const PGresult *result, int row, int column) {
    if (PQgetisnull(result, row, column)) {
        *value = db_null();
        return true;
    }
    const char *bytes = PQgetvalue(result, row, column);
    int length = PQgetlength(result, row, column);
    switch (PQftype(result, column)) {
    case TYPE_BOOL:
        *value = db_bool(bytes[0] != 0);
        return true;
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
        *value = db_int(integer_from(bytes, length));
        return true;
    case TYPE_TEXT:
    case TYPE_BYTEA:
        *value = (struct db_value){.kind = PQftype(result, column) == TYPE_TEXT ? DB_TEXT : DB_BLOB,
                                   .bytes = arena_copy(arena, (struct slice){bytes, (size_t)length})};
        return true;
    default:
        return false;
    }
}

bool value_type_is_known(Oid type) {
    return type == TYPE_BOOL || type == TYPE_BYTEA || type == TYPE_INT8 || type == TYPE_INT2 || type == TYPE_INT4 ||
           type == TYPE_TEXT;
}

bool value_rows_add(struct rows *rows, struct arena *arena, const struct columns *columns, const PGresult *result) {
    size_t capacity = 0;
    int count = PQntuples(result);
    rows->columns = columns->count;
    rows->names = columns->names;
    for (int row = 0; row < count; row++) {
        struct db_value *values = rows_extend(rows, arena, &capacity);
        for (size_t column = 0; column < rows->columns; column++)
            if (!cell_read(&values[column], arena, result, row, (int)column))
                return false;
        rows->count++;
    }
    return true;
}
