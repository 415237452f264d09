#include "../../engine/store/store.c"

#include "fixture.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

static bool open_fails_saying(const char *url, const char *part) {
    struct slice error = SLICE_NONE;
    struct store_options options = {.url = url, .migrate = true};
    struct store *store = store_open(&fixture_arena, &options, &error);
    if (store) {
        store_close(store);
        return false;
    }
    const char *text = arena_string(&fixture_arena, error);
    printf("# %s\n", text ? text : "(nothing)");
    return text && strstr(text, part) && text[error.len - 1] == '.';
}

static void says_what_to_do_when_it_cannot_open(void) {
    fixture_begin();
    char url[160];
    CHECK(open_fails_saying("mysql:x", "sqlite:PATH"));
    CHECK(open_fails_saying("sqlite:", "no path"));
    CHECK(open_fails_saying("sqlite:/nowhere/at/all.db", "is not there"));
    CHECK(open_fails_saying("sqlite:/etc/passwd/x.db", "directory"));
    snprintf(url, sizeof(url), "sqlite:%s", fixture_directory);
    CHECK(open_fails_saying(url, "is no file"));
    FILE *file = fopen(fixture_path, "w");
    for (int i = 0; i < 2000; i++)
        fputs("this is no database ", file);
    fclose(file);
    CHECK(open_fails_saying(fixture_url, "is not an SQLite database"));
    if (geteuid() != 0) { /* nothing is unwritable for root */
        chmod(fixture_path, 0400);
        CHECK(open_fails_saying(fixture_url, "cannot be written"));
        unlink(fixture_path);
        chmod(fixture_directory, 0500);
        CHECK(open_fails_saying(fixture_url, "cannot be written"));
        chmod(fixture_directory, 0700);
    }
    fixture_end();
}

static void makes_a_private_file_with_the_schema(void) {
    fixture_begin();
    fixture_open();
    struct stat about;
    CHECK(stat(fixture_path, &about) == 0 && (about.st_mode & 0777) == 0600);
    CHECK(store_schema_version(fixture_store) == (int64_t)migration_count);
    sqlite3 *stranger = stranger_open();
    CHECK(stranger_counts(stranger, "SELECT count(*) FROM schema_version") == (int64_t)migration_count);
    CHECK(stranger_counts(stranger, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'") == 1);
    sqlite3_close(stranger);
    fixture_close();
    fixture_end();
}

static void gives_back_what_was_stored(void) {
    fixture_begin();
    fixture_open();
    struct arena arena;
    arena_init(&arena);
    struct batch batch = batch_in(&arena);
    struct slice hash = SLICE("\0\1\377 hash"), name = SLICE("Zo\xc3\xab");
    struct rows *user =
        batch_add(&batch, STATEMENT_user_insert, db_text(SLICE("u1")), db_text(name), db_text(name), db_null(),
                  db_null(), db_blob(hash.at, hash.len), db_text(SLICE("")), db_int(INT64_MAX), db_null());
    struct rows *key = batch_add(&batch, STATEMENT_api_key_insert, db_text(SLICE("k1")), db_text(SLICE("u1")),
                                 db_blob(hash.at, hash.len), db_int(-5), db_text(SLICE("")), db_int(9));
    struct rows *silent = batch_add(&batch, STATEMENT_grant_extend, db_text(SLICE("g")), db_int(1));
    struct rows *found = batch_add(&batch, STATEMENT_api_key_find, db_text(SLICE("k1")));
    CHECK(db_run(fixture_db, &batch));
    CHECK(user->count == 1 && key->count == 1 && silent->count == 0 && silent->columns == 0);
    CHECK(found->count == 1 && slice_equal(row_text(found, 0, "secret_hash"), hash));
    CHECK(slice_equal(row_text(found, 0, "username"), name));
    CHECK(row_is_null(found, 0, "hotkey") && !slice_is_set(row_text(found, 0, "hotkey")));
    CHECK(slice_is_set(row_text(found, 0, "roles")) && row_text(found, 0, "roles").len == 0);
    CHECK(row_int(found, 0, "created_at") == INT64_MAX);

    struct batch reads = batch_in(&arena);
    struct rows *again = batch_add(&reads, STATEMENT_user_by_fingerprint, db_blob(hash.at, hash.len));
    struct rows *none = batch_add(&reads, STATEMENT_user_by_id, db_text(SLICE("nobody")));
    CHECK(db_run(fixture_db, &reads));
    CHECK(again->count == 1 && slice_is(row_text(again, 0, "user_id"), "u1"));
    CHECK(none->count == 0);
    struct batch empty = batch_in(&arena);
    CHECK(db_run(fixture_db, &empty));
    arena_free(&arena);
    fixture_close();
    fixture_end();
}

static void runs_all_of_a_batch_or_nothing(void) {
    fixture_begin();
    fixture_open();
    struct arena arena;
    arena_init(&arena);
    int64_t failures = metric_get(METRIC_db_failures);
    for (int i = 0; i < 2; i++) {
        struct batch batch = batch_in(&arena);
        spend_add(&batch, i ? "second" : "first", "me");
        batch_add(&batch, STATEMENT_spend, db_text(SLICE("null")), i ? db_null() : db_text(SLICE("me")), db_int(1));
        spend_add(&batch, i ? "fourth" : "third", "me");
        CHECK(db_run(fixture_db, &batch) == (i == 0));
    }
    CHECK(is_spent(fixture_db, "first") && is_spent(fixture_db, "third"));
    CHECK(!is_spent(fixture_db, "second") && !is_spent(fixture_db, "fourth"));
    CHECK(metric_get(METRIC_db_failures) == failures + 1);
    arena_free(&arena);
    fixture_close();
    fixture_end();
}

/* Says on the pipe what is committed, until it is killed. */
static _Noreturn void spend_until_killed(int acknowledge) {
    fixture_open();
    for (int32_t i = 0;; i++) {
        char id[32];
        snprintf(id, sizeof(id), "durable%d", i);
        if (spend(fixture_db, id, "child") != SPEND_FIRST || write(acknowledge, &i, sizeof(i)) != sizeof(i))
            _exit(1);
    }
}

static void what_was_answered_survives_a_kill(void) {
    fixture_begin();
    int ends[2];
    int32_t last = -1, seen;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0)
        spend_until_killed(ends[1]);
    close(ends[1]);
    while (last < 200 && read(ends[0], &seen, sizeof(seen)) == sizeof(seen))
        last = seen;
    CHECK(last == 200);
    kill(child, SIGKILL);
    while (read(ends[0], &seen, sizeof(seen)) == sizeof(seen))
        last = seen;
    close(ends[0]);
    waitpid(child, NULL, 0);
    fixture_open();
    for (int32_t i = 0; i <= last; i++) {
        char id[32];
        snprintf(id, sizeof(id), "durable%d", i);
        CHECK(is_spent(fixture_db, id));
    }
    fixture_close();
    fixture_end();
}

static bool found_by(const char *id, const char *by) {
    struct arena arena;
    arena_init(&arena);
    struct rows *rows = db_find(fixture_db, &arena, STATEMENT_spent_find, slice_of(id));
    bool found = rows && (by ? rows->count == 1 && slice_is(row_text(rows, 0, "spent_by"), by) : rows->count == 0);
    arena_free(&arena);
    return found;
}

static void finds_in_memory_until_it_is_forgotten(void) {
    fixture_begin();
    fixture_open_with(1 << 20, 100, 10000);
    int64_t hits = metric_get(METRIC_cache_hits), misses = metric_get(METRIC_cache_misses);
    CHECK(found_by("a", NULL)); /* what is not there is asked for again */
    CHECK(spend(fixture_db, "a", "me") == SPEND_FIRST);
    CHECK(found_by("a", "me") && found_by("a", "me") && found_by("a", "me"));
    CHECK(metric_get(METRIC_cache_hits) == hits + 2 && metric_get(METRIC_cache_misses) == misses + 2);
    db_forget(fixture_db, STATEMENT_spent_find, SLICE("a"));
    CHECK(found_by("a", "me"));
    CHECK(metric_get(METRIC_cache_misses) == misses + 3);
    CHECK(found_by("a", "me"));
    db_forget_all(fixture_db);
    CHECK(found_by("a", "me"));
    CHECK(metric_get(METRIC_cache_misses) == misses + 4);
    fixture_close();
    fixture_end();
}

static void finds_without_a_cache(void) {
    fixture_begin();
    fixture_open();
    CHECK(spend(fixture_db, "a", "me") == SPEND_FIRST);
    CHECK(found_by("a", "me") && found_by("b", NULL));
    db_forget(fixture_db, STATEMENT_spent_find, SLICE("a"));
    db_forget_all(fixture_db);
    fixture_close();
    fixture_end();
}

/* Another process: told to go on by a byte, it changes a row and ends. */
static pid_t process_that_spends(int *go, const char *id) {
    int ends[2];
    if (pipe(ends) != 0)
        abort();
    fflush(stdout);
    pid_t child = fork();
    if (child != 0) {
        close(ends[0]);
        *go = ends[1];
        return child;
    }
    char byte;
    close(ends[1]);
    if (read(ends[0], &byte, 1) != 1)
        _exit(2);
    fixture_open();
    bool spent = spend(fixture_db, id, "other") == SPEND_FIRST;
    fixture_close();
    _exit(spent ? 0 : 1);
}

static void honours_changes_by_another_process(void) {
    fixture_begin();
    int go, status = -1;
    pid_t child = process_that_spends(&go, "b");
    fixture_open_with(1 << 20, 100, 10000);
    CHECK(spend(fixture_db, "a", "me") == SPEND_FIRST && found_by("a", "me"));
    int64_t hits = metric_get(METRIC_cache_hits);
    usleep(600000); /* its own commits do not empty the cache */
    CHECK(found_by("a", "me") && metric_get(METRIC_cache_hits) == hits + 1);
    CHECK(write(go, "", 1) == 1 && waitpid(child, &status, 0) == child && status == 0);
    int64_t changed_ms = clock_monotonic_ms();
    int64_t misses = metric_get(METRIC_cache_misses);
    while (metric_get(METRIC_cache_misses) == misses && clock_monotonic_ms() < changed_ms + 5000) {
        CHECK(found_by("a", "me"));
        usleep(1000);
    }
    CHECK(clock_monotonic_ms() - changed_ms < 1000);
    CHECK(is_spent(fixture_db, "b"));
    close(go);
    fixture_close();
    fixture_end();
}

static _Atomic bool busy_over;

static void *keeps_the_writer_busy(void *argument) {
    struct slice error;
    struct db *db = db_open(fixture_store, NULL, &error);
    char id[32];
    for (int i = 0; !atomic_load(&busy_over); i++) {
        snprintf(id, sizeof(id), "busy%d.%d", *(int *)argument, i);
        if (spend(db, id, "me") != SPEND_FIRST)
            atomic_store(&busy_over, true), printf("# a busy thread failed\n");
    }
    db_close(db);
    arena_pool_drain();
    return NULL;
}

static void another_process_gets_in_beside_a_busy_writer(void) {
    enum { BUSY = 6 };
    fixture_begin();
    int go, status = -1, numbers[BUSY];
    pthread_t threads[BUSY];
    pid_t child = process_that_spends(&go, "beside");
    fixture_open_with(1 << 20, 100, 10000);
    for (int i = 0; i < BUSY; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, keeps_the_writer_busy, &numbers[i]);
    }
    usleep(100000);
    int64_t began_ms = clock_monotonic_ms();
    CHECK(write(go, "", 1) == 1 && waitpid(child, &status, 0) == child && status == 0);
    printf("# it took %lld ms\n", (long long)(clock_monotonic_ms() - began_ms));
    CHECK(!atomic_load(&busy_over));
    atomic_store(&busy_over, true);
    for (int i = 0; i < BUSY; i++)
        pthread_join(threads[i], NULL);
    close(go);
    fixture_close();
    fixture_end();
}

static void sweeps_a_bounded_number_of_expired_rows(void) {
    fixture_begin();
    fixture_open();
    outside_asks("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450) "
                 "INSERT INTO spent SELECT 'id' || i, 'me', i FROM n RETURNING expires_at");
    int64_t before = outside_asks("SELECT count(*) FROM spent");
    CHECK(before == 450);
    CHECK(db_sweep(fixture_db, &fixture_arena, 421));
    CHECK(outside_asks("SELECT count(*) FROM spent") == before - SWEEP_ROWS_MAX);
    int sweeps = 1;
    while (db_sweep(fixture_db, &fixture_arena, 421))
        sweeps++;
    CHECK(sweeps == 420 / SWEEP_ROWS_MAX);
    CHECK(outside_asks("SELECT count(*) FROM spent") == 30);
    CHECK(outside_asks("SELECT min(expires_at) FROM spent") == 421);
    fixture_close();
    fixture_end();
}

static void the_sweeps_have_a_limit_and_count_their_rows(void) {
    int sweeps = 0;
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        if (strncmp(statement_texts[i].name, "sweep_", 6) != 0)
            continue;
        sweeps++;
        CHECK(statement_texts[i].parameters == 2);
        CHECK(strstr(statement_texts[i].sql, "LIMIT ?2") && strstr(statement_texts[i].sql, "RETURNING"));
    }
    CHECK(sweeps > 0);
}

int main(void) {
    RUN(what_was_answered_survives_a_kill);
    if (!fixture_postgres()) {
        RUN(honours_changes_by_another_process);
        RUN(another_process_gets_in_beside_a_busy_writer);
        RUN(says_what_to_do_when_it_cannot_open);
        RUN(makes_a_private_file_with_the_schema);
    }
    RUN(gives_back_what_was_stored);
    RUN(runs_all_of_a_batch_or_nothing);
    RUN(finds_in_memory_until_it_is_forgotten);
    RUN(finds_without_a_cache);
    RUN(sweeps_a_bounded_number_of_expired_rows);
    RUN(the_sweeps_have_a_limit_and_count_their_rows);
    arena_pool_drain();
    return unit_end();
}
