/* Rows as databases make them and the cache keeps them; store.h is what their readers see. */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "store/store.h"

/* The names of the columns of a statement's rows: struct rows borrows them, so they outlive the connections. */
struct columns {
    size_t count;
    const char **names;
};
/* Room for `count` names. */
void columns_begin(struct columns *columns, size_t count);
/* Copies the name of one of them. */
void columns_name(struct columns *columns, size_t column, const char *name);
/* Zeroed columns have nothing to free. */
void columns_free(struct columns *columns);

/* Room for one more row of rows->columns values, behind rows->count rows; the caller fills it and
 * counts it. *capacity is in rows, 0 at first. */
struct db_value *rows_extend(struct rows *rows, struct arena *arena, size_t *capacity);

/* A deep copy, but for the names. */
void rows_copy(struct rows *into, struct arena *arena, const struct rows *from);

/* The same as one block of rows_packed_size bytes: struct rows, values, bytes. */
size_t rows_packed_size(const struct rows *rows);
void rows_pack(void *block, const struct rows *rows);
/* A copy of such a block. */
struct rows *rows_unpack(struct arena *arena, const void *block, size_t size);

/* A copy of the batch with parameters and empty rows of its own, all in `arena`. */
void batch_copy(struct batch *into, struct arena *arena, const struct batch *from);
/* Whether nothing in it changes anything. */
bool batch_reads(const struct batch *batch);

#endif
