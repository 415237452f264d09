/* The whole way of a write, with the insides in reach. */
#include "../../engine/store/sqlite.c"
#include "../../engine/store/sqlite_job.c"
#include "../../engine/store/sqlite_writer.c"
#include "../../engine/store/store.c"

#include "disk.h"
#include "fixture.h"

#include <sys/resource.h>

static struct sqlite_writer *writer_of(struct db *db) {
    return &((struct reader *)db->connection)->sqlite->writer;
}

/* Threads that each submit a batch of their own while a stranger holds the lock, so that all of
 * them land in one group. */
struct submitter {
    pthread_t thread;
    char id[32];
    bool fails; /* its second statement will */
    enum spending got;
};

static bool run_failing(struct db *db, const char *id) {
    struct arena arena;
    arena_init(&arena);
    struct batch batch = batch_in(&arena);
    spend_add(&batch, id, "me");
    batch_add(&batch, STATEMENT_spend, db_text(SLICE("null")), db_null(), db_int(1)); /* NOT NULL */
    bool ran = db_run(db, &batch);
    arena_free(&arena);
    return ran;
}

static void *submits(void *argument) {
    struct submitter *self = argument;
    struct slice error;
    struct db *db = db_open(fixture_store, NULL, &error);
    if (self->fails)
        self->got = run_failing(db, self->id) ? SPEND_FIRST : SPEND_FAILED;
    else
        self->got = spend(db, self->id, "me");
    db_close(db);
    arena_pool_drain();
    return NULL;
}

static void submitters_start(struct submitter *submitters, int count) {
    for (int i = 0; i < count; i++) {
        snprintf(submitters[i].id, sizeof(submitters[i].id), "id%d", i);
        pthread_create(&submitters[i].thread, NULL, submits, &submitters[i]);
    }
}

static void submitters_join(struct submitter *submitters, int count) {
    for (int i = 0; i < count; i++)
        pthread_join(submitters[i].thread, NULL);
}

static void queue_await(int64_t count) {
    int64_t until_ms = clock_monotonic_ms() + 10000;
    while (metric_get(METRIC_db_queue) < count && clock_monotonic_ms() < until_ms)
        usleep(1000);
    CHECK(metric_get(METRIC_db_queue) == count);
}

static void a_failing_batch_is_rolled_back_alone(void) {
    fixture_begin();
    fixture_open();
    CHECK(!run_failing(fixture_db, "first"));
    sqlite3 *stranger = stranger_open();
    CHECK(stranger_runs(stranger, "BEGIN IMMEDIATE"));
    struct submitter submitters[9] = {{.fails = false}};
    submitters[0].fails = submitters[4].fails = submitters[8].fails = true;
    int64_t commits = metric_get(METRIC_db_commits);
    submitters_start(submitters, 9);
    queue_await(9);
    CHECK(stranger_runs(stranger, "COMMIT"));
    submitters_join(submitters, 9);
    CHECK(metric_get(METRIC_db_commits) == commits + 1);
    for (int i = 0; i < 9; i++) {
        CHECK(submitters[i].got == (submitters[i].fails ? SPEND_FAILED : SPEND_FIRST));
        CHECK(is_spent(fixture_db, submitters[i].id) == !submitters[i].fails);
    }
    sqlite3_close(stranger);
    fixture_close();
    fixture_end();
}

/* What is more than a group waits for the next one. */
static void a_group_is_no_larger_than_its_most(void) {
    fixture_begin();
    fixture_open();
    struct sqlite_writer *writer = writer_of(fixture_db);
    CHECK(writer->group_max == STORE_GROUP_MAX);
    sqlite3 *stranger = stranger_open();
    CHECK(stranger_runs(stranger, "BEGIN IMMEDIATE"));
    writer->group_max = 4; /* the writer reads it when it has the lock */
    struct submitter submitters[9] = {{.fails = false}};
    int64_t commits = metric_get(METRIC_db_commits);
    submitters_start(submitters, 9);
    queue_await(9);
    CHECK(stranger_runs(stranger, "COMMIT"));
    submitters_join(submitters, 9);
    for (int i = 0; i < 9; i++)
        CHECK(submitters[i].got == SPEND_FIRST && is_spent(fixture_db, submitters[i].id));
    CHECK(metric_get(METRIC_db_commits) == commits + 3);
    sqlite3_close(stranger);
    fixture_close();
    fixture_end();
}

static void a_failing_commit_fails_all_of_its_batches(void) {
    fixture_begin();
    fixture_open();
    sqlite3 *stranger = stranger_open();
    CHECK(spend(fixture_db, "before", "me") == SPEND_FIRST);
    CHECK(stranger_runs(stranger, "BEGIN IMMEDIATE"));
    struct submitter submitters[5] = {{.fails = false}};
    submitters_start(submitters, 5);
    queue_await(5);
    atomic_store(&disk_sync_fails, true);
    CHECK(stranger_runs(stranger, "ROLLBACK"));
    submitters_join(submitters, 5);
    atomic_store(&disk_sync_fails, false);
    for (int i = 0; i < 5; i++) {
        CHECK(submitters[i].got == SPEND_FAILED);
        CHECK(!is_spent(fixture_db, submitters[i].id));
    }
    CHECK(spend(fixture_db, "after", "me") == SPEND_FIRST);
    CHECK(is_spent(fixture_db, "before"));
    CHECK(stranger_counts(stranger, "SELECT count(*) FROM spent") == 2);
    sqlite3_close(stranger);
    fixture_close();
    fixture_end();
}

enum { RACERS = 64, RACES = 10 };

static pthread_barrier_t race_begins;
static int race_firsts[RACES], race_failures;

static void *races(void *argument) {
    struct slice error;
    struct db *db = db_open(fixture_store, NULL, &error);
    char id[32], by[32];
    snprintf(by, sizeof(by), "racer%d", *(int *)argument);
    for (int i = 0; i < RACES; i++) {
        snprintf(id, sizeof(id), "race%d", i);
        pthread_barrier_wait(&race_begins);
        enum spending got = spend(db, id, by);
        if (got == SPEND_FIRST)
            __atomic_fetch_add(&race_firsts[i], 1, __ATOMIC_RELAXED);
        if (got == SPEND_FAILED)
            __atomic_fetch_add(&race_failures, 1, __ATOMIC_RELAXED);
    }
    db_close(db);
    arena_pool_drain();
    return NULL;
}

static void one_of_64_is_first_and_commits_are_shared(void) {
    fixture_begin();
    fixture_open();
    int64_t batches = metric_get(METRIC_db_batches), commits = metric_get(METRIC_db_commits);
    pthread_t threads[RACERS];
    int numbers[RACERS];
    pthread_barrier_init(&race_begins, NULL, RACERS);
    atomic_store(&disk_sync_ms, 2);
    for (int i = 0; i < RACERS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, races, &numbers[i]);
    }
    for (int i = 0; i < RACERS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&disk_sync_ms, 0);
    for (int i = 0; i < RACES; i++)
        CHECK(race_firsts[i] == 1);
    CHECK(race_failures == 0);
    batches = metric_get(METRIC_db_batches) - batches;
    commits = metric_get(METRIC_db_commits) - commits;
    printf("# %lld batches in %lld commits\n", (long long)batches, (long long)commits);
    CHECK(batches == RACERS * RACES);
    CHECK(commits * 5 < batches);
    pthread_barrier_destroy(&race_begins);
    fixture_close();
    fixture_end();
}

static void a_batch_that_waits_too_long_fails_and_never_runs(void) {
    fixture_begin();
    fixture_open_with(0, 100, 150);
    sqlite3 *stranger = stranger_open();
    CHECK(stranger_runs(stranger, "BEGIN IMMEDIATE"));
    int64_t began_ms = clock_monotonic_ms();
    CHECK(spend(fixture_db, "late", "me") == SPEND_FAILED);
    int64_t took_ms = clock_monotonic_ms() - began_ms;
    CHECK(took_ms >= 145 && took_ms < 1000);
    CHECK(!is_spent(fixture_db, "late")); /* reads never wait for it */
    CHECK(stranger_runs(stranger, "COMMIT"));
    CHECK(spend(fixture_db, "next", "me") == SPEND_FIRST);
    CHECK(!is_spent(fixture_db, "late"));
    CHECK(metric_get(METRIC_db_queue) == 0);
    sqlite3_close(stranger);
    fixture_close();
    fixture_end();
}

static void a_batch_that_has_begun_is_waited_for(void) {
    fixture_begin();
    fixture_open_with(0, 100, 2000);
    atomic_store(&disk_sync_ms, 300);
    CHECK(spend(fixture_db, "slow", "me") == SPEND_FIRST);
    atomic_store(&disk_sync_ms, 0);
    fixture_close();
    fixture_end();
}

static void a_stuck_disk_does_not_hold_the_caller(void) {
    fixture_begin();
    fixture_open_with(0, 100, 100);
    atomic_store(&disk_sync_ms, 1000);
    int64_t began_ms = clock_monotonic_ms();
    CHECK(spend(fixture_db, "stuck", "me") == SPEND_FAILED);
    int64_t took_ms = clock_monotonic_ms() - began_ms;
    CHECK(took_ms >= 95 && took_ms < 900);
    atomic_store(&disk_sync_ms, 0);
    fixture_close(); /* waits for the writer */
    fixture_open();
    CHECK(is_spent(fixture_db, "stuck")); /* what was told as failed is committed late */
    CHECK(spend(fixture_db, "stuck", "again") == SPEND_LOST);
    db_untold(fixture_db, SLICE("me"));
    CHECK(db_has_untold(fixture_db));
    CHECK(spend(fixture_db, "stuck", "again") == SPEND_FIRST && !db_has_untold(fixture_db)); /* nobody was told of me */
    CHECK(spend(fixture_db, "stuck", "again") == SPEND_FIRST);                               /* it is the same */
    CHECK(spend(fixture_db, "stuck", "me") == SPEND_LOST);                                   /* and late is too late */
    CHECK(spend(fixture_db, "next", "me") == SPEND_FIRST);
    fixture_close();
    fixture_end();
}

static bool remembers_as_spent(const char *id) {
    struct arena arena;
    arena_init(&arena);
    struct rows *rows = db_find(fixture_db, &arena, STATEMENT_spent_find, slice_of(id));
    bool is_there = rows && rows->count == 1;
    arena_free(&arena);
    return is_there;
}

/* Nobody who asked for the change is there any more to call db_forget. */
static void what_a_stuck_disk_commits_after_all_is_forgotten(void) {
    fixture_begin();
    fixture_open_with(1 << 20, 100, 100);
    CHECK(spend(fixture_db, "old", "me") == SPEND_FIRST);
    CHECK(remembers_as_spent("old"));
    atomic_store(&disk_sync_ms, 600);
    struct arena arena;
    arena_init(&arena);
    struct batch batch = batch_in(&arena);
    batch_add(&batch, STATEMENT_sweep_spent, db_int(INT64_MAX), db_int(10));
    CHECK(!db_run(fixture_db, &batch));
    CHECK(slice_is(batch.why, "the disk does not answer"));
    CHECK(remembers_as_spent("old")); /* it is not committed yet, or not known to be */
    atomic_store(&disk_sync_ms, 0);
    int64_t until_ms = clock_monotonic_ms() + 10000;
    while (remembers_as_spent("old") && clock_monotonic_ms() < until_ms)
        usleep(1000);
    CHECK(!remembers_as_spent("old"));
    arena_free(&arena);
    fixture_close();
    fixture_end();
}

static void a_full_queue_refuses_at_once(void) {
    fixture_begin();
    fixture_open_with(0, 4, 10000);
    sqlite3 *stranger = stranger_open();
    CHECK(stranger_runs(stranger, "BEGIN IMMEDIATE"));
    struct submitter submitters[4] = {{.fails = false}};
    submitters_start(submitters, 4);
    queue_await(4);
    int64_t began_ms = clock_monotonic_ms();
    CHECK(spend(fixture_db, "fifth", "me") == SPEND_FAILED);
    CHECK(clock_monotonic_ms() - began_ms < 1000);
    CHECK(stranger_runs(stranger, "COMMIT"));
    submitters_join(submitters, 4);
    for (int i = 0; i < 4; i++)
        CHECK(submitters[i].got == SPEND_FIRST);
    CHECK(spend(fixture_db, "fifth", "me") == SPEND_FIRST);
    sqlite3_close(stranger);
    fixture_close();
    fixture_end();
}

static void closing_finishes_what_is_queued(void) {
    fixture_begin();
    fixture_open();
    sqlite3 *stranger = stranger_open();
    CHECK(stranger_runs(stranger, "BEGIN IMMEDIATE"));
    struct submitter submitters[4] = {{.fails = false}};
    submitters_start(submitters, 4);
    queue_await(4);
    struct sqlite_writer *writer = writer_of(fixture_db);
    pthread_mutex_lock(&writer->mutex);
    writer->stopping = true; /* as store_close does; the threads still hold their dbs */
    pthread_mutex_unlock(&writer->mutex);
    CHECK(stranger_runs(stranger, "COMMIT"));
    submitters_join(submitters, 4);
    for (int i = 0; i < 4; i++)
        CHECK(submitters[i].got == SPEND_FIRST);
    sqlite3_close(stranger);
    fixture_close();
    fixture_end();
}

/* Until one fails. The number of those that did not is returned. */
static int spend_until_failure(char *long_by, int most) {
    char id[32];
    int i = 0;
    for (; i < most; i++) {
        snprintf(id, sizeof(id), "full%d", i);
        if (spend(fixture_db, id, long_by) != SPEND_FIRST)
            break;
    }
    return i;
}

static void check_after_full_disk(int spent) {
    char id[32];
    for (int i = 0; i <= spent; i++) {
        snprintf(id, sizeof(id), "full%d", i);
        CHECK(is_spent(fixture_db, id) == (i < spent));
    }
    snprintf(id, sizeof(id), "full%d", spent);
    CHECK(spend(fixture_db, id, "me") == SPEND_FIRST);
    sqlite3 *stranger = stranger_open();
    CHECK(stranger_counts(stranger, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'") == 1);
    CHECK(stranger_counts(stranger, "SELECT count(*) FROM spent") == spent + 1);
    sqlite3_close(stranger);
}

static char long_text[20000];

static void a_full_disk_fails_and_is_recovered_from(void) {
    fixture_begin();
    fixture_open();
    memset(long_text, 'x', sizeof(long_text) - 1);
    struct rlimit before, limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 1024 * 1024;
    setrlimit(RLIMIT_FSIZE, &limit);
    int spent = spend_until_failure(long_text, 1000);
    CHECK(spent > 5 && spent < 1000);
    CHECK(spend(fixture_db, "again", long_text) == SPEND_FAILED);
    setrlimit(RLIMIT_FSIZE, &before);
    check_after_full_disk(spent);
    fixture_close();
    fixture_open();
    CHECK(is_spent(fixture_db, "full0"));
    fixture_close();
    fixture_end();
}

static void a_full_database_fails_and_is_recovered_from(void) {
    fixture_begin();
    fixture_open(); /* without a cache the writer leaves its connection alone while it is idle */
    struct sqlite_connection *connection = &writer_of(fixture_db)->connection;
    CHECK(sqlite_execute(connection, "PRAGMA max_page_count=200") == SQLITE_OK);
    int spent = spend_until_failure(long_text, 1000);
    CHECK(spent > 5 && spent < 1000);
    sqlite3 *stranger = stranger_open();
    CHECK(stranger_runs(stranger, "BEGIN IMMEDIATE"));
    struct submitter submitters[6] = {{.fails = false}};
    submitters_start(submitters, 6); /* whatever becomes of them, each answer is the truth */
    queue_await(6);
    CHECK(stranger_runs(stranger, "COMMIT"));
    submitters_join(submitters, 6);
    for (int i = 0; i < 6; i++)
        CHECK(is_spent(fixture_db, submitters[i].id) == (submitters[i].got == SPEND_FIRST));
    CHECK(stranger_runs(stranger, "DELETE FROM spent WHERE spent_id LIKE 'id%'"));
    CHECK(sqlite_execute(connection, "PRAGMA max_page_count=1000000") == SQLITE_OK);
    sqlite3_close(stranger);
    check_after_full_disk(spent);
    fixture_close();
    fixture_end();
}

/* Fibers on a loop of this thread. */
enum { FIBERS = 100 };

static struct db *loop_db;
static int fibers_right, fibers_ended;

static void fiber_main(void *argument) {
    char id[32], by[32];
    snprintf(id, sizeof(id), "fiber%d", *(int *)argument);
    snprintf(by, sizeof(by), "owner%d", *(int *)argument);
    bool right = spend(loop_db, id, by) == SPEND_FIRST;
    struct arena arena;
    arena_init(&arena);
    struct batch batch = batch_in(&arena);
    struct rows *alive = batch_add(&batch, STATEMENT_clock);
    struct rows *found = batch_add(&batch, STATEMENT_spent_find, db_text(slice_of(id)));
    right = right && db_run(loop_db, &batch) && alive->count == 1 && found->count == 1 &&
            slice_is(row_text(found, 0, "spent_by"), by);
    arena_free(&arena);
    fibers_right += right;
    fibers_ended++;
}

static void a_completion_resumes_its_own_fiber(void) {
    fixture_begin();
    fixture_open();
    struct pipe_inbox inbox;
    struct slice error;
    pipe_inbox_begin(&inbox);
    loop_db = db_open(fixture_store, &inbox.inbox, &error);
    int numbers[FIBERS];
    for (int i = 0; i < FIBERS; i++) {
        numbers[i] = i;
        CHECK(fiber_start(fiber_main, &numbers[i]));
    }
    CHECK(fibers_ended == 0); /* all wait, and the loop goes on */
    while (fiber_count() && pipe_inbox_turn(&inbox, 10000))
        ;
    CHECK(fibers_ended == FIBERS && fibers_right == FIBERS);
    CHECK(metric_get(METRIC_fiber_stale) == 0);
    CHECK(spend(loop_db, "no fiber", "me") == SPEND_FIRST); /* with an inbox, but nothing to resume */
    db_close(loop_db);
    pipe_inbox_end(&inbox);
    fixture_close();
    fixture_end();
}

/* Its peer has left; it ends by itself within the store's timeout, although the loop does nothing
 * but wait and the database is held by somebody else. */
static void fiber_gone(void *argument) {
    *(enum spending *)argument = spend(loop_db, "gone", "me");
}

static void a_waiting_fiber_ends_by_itself(void) {
    fixture_begin();
    fixture_open_with(0, 100, 150);
    struct pipe_inbox inbox;
    struct slice error;
    enum spending got = SPEND_FIRST;
    pipe_inbox_begin(&inbox);
    loop_db = db_open(fixture_store, &inbox.inbox, &error);
    sqlite3 *stranger = stranger_open();
    CHECK(stranger_runs(stranger, "BEGIN IMMEDIATE"));
    int64_t began_ms = clock_monotonic_ms();
    CHECK(fiber_start(fiber_gone, &got));
    CHECK(fiber_count() == 1);
    CHECK(pipe_inbox_turn(&inbox, 10000));
    CHECK(clock_monotonic_ms() - began_ms < 1000);
    CHECK(fiber_count() == 0 && got == SPEND_FAILED);
    CHECK(stranger_runs(stranger, "COMMIT"));
    CHECK(!pipe_inbox_turn(&inbox, 300)); /* it is resumed once */
    CHECK(!is_spent(loop_db, "gone"));
    sqlite3_close(stranger);
    db_close(loop_db);
    pipe_inbox_end(&inbox);
    fixture_close();
    fixture_end();
}

int main(void) {
    disk_begin();
    RUN(a_failing_batch_is_rolled_back_alone);
    RUN(a_group_is_no_larger_than_its_most);
    RUN(a_failing_commit_fails_all_of_its_batches);
    RUN(one_of_64_is_first_and_commits_are_shared);
    RUN(a_batch_that_waits_too_long_fails_and_never_runs);
    RUN(a_batch_that_has_begun_is_waited_for);
    RUN(a_stuck_disk_does_not_hold_the_caller);
    RUN(what_a_stuck_disk_commits_after_all_is_forgotten);
    RUN(a_full_queue_refuses_at_once);
    RUN(closing_finishes_what_is_queued);
    RUN(a_full_disk_fails_and_is_recovered_from);
    RUN(a_full_database_fails_and_is_recovered_from);
    RUN(a_completion_resumes_its_own_fiber);
    RUN(a_waiting_fiber_ends_by_itself);
    fiber_pool_drain();
    arena_pool_drain();
    return unit_end();
}
