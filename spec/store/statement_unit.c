#include "../../engine/store/statement.c"

#include "../unit/unit.h"

#include <sys/wait.h>
#include <unistd.h>

static struct arena arena;

static bool aborts(void (*call)(void)) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (freopen("/dev/null", "w", stderr))
            call();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static const char *const names[] = {"text", "number", "nothing", "blob"};

static struct rows sample(void) {
    static struct db_value values[8];
    struct rows rows = {.count = 2, .columns = 4, .names = names, .values = values};
    values[0] = db_text(SLICE("hello"));
    values[1] = db_int(-7);
    values[2] = db_null();
    values[3] = db_blob("\0\1\2", 3);
    values[4] = db_text(SLICE(""));
    values[5] = db_bool(true);
    values[6] = db_null();
    values[7] = db_blob("", 0);
    return rows;
}

static bool is_sample(const struct rows *rows) {
    return rows->count == 2 && rows->columns == 4 && slice_is(row_text(rows, 0, "text"), "hello") &&
           row_int(rows, 0, "number") == -7 && row_is_null(rows, 0, "nothing") &&
           slice_equal(row_text(rows, 0, "blob"), SLICE("\0\1\2")) && slice_is_set(row_text(rows, 1, "text")) &&
           row_text(rows, 1, "text").len == 0 && row_bool(rows, 1, "number") &&
           !slice_is_set(row_text(rows, 1, "nothing")) && row_int(rows, 1, "nothing") == 0 &&
           !row_bool(rows, 1, "nothing") && row_text(rows, 1, "blob").len == 0;
}

static void reads_cells_by_name(void) {
    struct rows rows = sample();
    CHECK(is_sample(&rows));
}

static void copies_deeply(void) {
    struct rows rows = sample(), copy;
    rows_copy(&copy, &arena, &rows);
    CHECK(is_sample(&copy));
    CHECK(row_text(&copy, 0, "text").at != row_text(&rows, 0, "text").at);
}

static void packs_into_one_block(void) {
    struct rows rows = sample();
    size_t size = rows_packed_size(&rows);
    char *block = arena_alloc(&arena, size);
    rows_pack(block, &rows);
    struct rows *copy = rows_unpack(&arena, block, size);
    memset(block, 'x', size);
    CHECK(is_sample(copy));
    const char *text = row_text(copy, 0, "text").at;
    CHECK(text > (const char *)copy && text < (const char *)copy + size);
    CHECK(strcmp(text, "hello") == 0);
}

static void grows_row_by_row(void) {
    struct rows rows = {.columns = 1, .names = names};
    size_t capacity = 0;
    for (int i = 0; i < 100; i++) {
        rows_extend(&rows, &arena, &capacity)[0] = db_int(i);
        rows.count++;
    }
    for (int i = 0; i < 100; i++)
        CHECK(rows.values[i].integer == i);
}

static void keeps_parameters_beyond_the_callers_scope(void) {
    struct batch batch = batch_in(&arena);
    {
        struct db_value values[3] = {db_text(SLICE("id")), db_text(SLICE("by")), db_int(5)};
        batch_add_values(&batch, STATEMENT_spend, values, 3);
        memset(values, 0, sizeof(values));
    }
    CHECK(batch.count == 1 && batch.calls[0].parameters == 3);
    CHECK(slice_is(batch.calls[0].values[0].bytes, "id") && batch.calls[0].values[2].integer == 5);
    struct batch copy;
    batch_copy(&copy, &arena, &batch);
    CHECK(copy.calls[0].rows != batch.calls[0].rows);
    CHECK(copy.calls[0].values[0].bytes.at != batch.calls[0].values[0].bytes.at);
    CHECK(slice_is(copy.calls[0].values[1].bytes, "by"));
}

static void knows_what_only_reads(void) {
    struct batch batch = batch_in(&arena);
    batch_add(&batch, STATEMENT_spent_find, db_text(SLICE("id")));
    CHECK(batch_reads(&batch));
    batch_add(&batch, STATEMENT_spend, db_text(SLICE("id")), db_text(SLICE("by")), db_int(5));
    CHECK(!batch_reads(&batch));
}

static void too_few_parameters(void) {
    struct batch batch = batch_in(&arena);
    batch_add(&batch, STATEMENT_spend, db_int(5));
}

static void too_many_statements(void) {
    struct batch batch = batch_in(&arena);
    for (int i = 0; i <= BATCH_STATEMENTS_MAX; i++)
        batch_add(&batch, STATEMENT_spent_find, db_int(5));
}

static void unknown_column(void) {
    struct rows rows = sample();
    row_int(&rows, 0, "numbers");
}

static void row_behind_the_last(void) {
    struct rows rows = sample();
    row_int(&rows, 2, "number");
}

static void number_as_text(void) {
    struct rows rows = sample();
    row_text(&rows, 0, "number");
}

static void text_as_number(void) {
    struct rows rows = sample();
    row_int(&rows, 0, "text");
}

static void aborts_on_bugs(void) {
    CHECK(aborts(too_few_parameters));
    CHECK(aborts(too_many_statements));
    CHECK(aborts(unknown_column));
    CHECK(aborts(row_behind_the_last));
    CHECK(aborts(number_as_text));
    CHECK(aborts(text_as_number));
}

int main(void) {
    RUN(reads_cells_by_name);
    RUN(copies_deeply);
    RUN(packs_into_one_block);
    RUN(grows_row_by_row);
    RUN(keeps_parameters_beyond_the_callers_scope);
    RUN(knows_what_only_reads);
    RUN(aborts_on_bugs);
    arena_free(&arena);
    return unit_end();
}
