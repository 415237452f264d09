#include "../../engine/store/migrate.c"

#include "fixture.h"

#include <sys/wait.h>

static bool execute(void *connection, const char *sql) {
    return stranger_runs(connection, sql);
}

static bool version_read(void *connection, int64_t *version) {
    *version = stranger_counts(connection, "SELECT coalesce(max(version), 0) FROM schema_version");
    *version = *version < 0 ? 0 : *version;
    return true;
}

static const char *reason(void *connection) {
    return sqlite3_errmsg(connection);
}

static const struct migration steps[] = {
    {1, "one", "CREATE TABLE one (a text); INSERT INTO one VALUES ('x')", NULL},
    {2, "two", "CREATE TABLE two (a text)", NULL},
    {3, "bad", "CREATE TABLE three (a text); CREATE TABLE one (a text)", NULL},
};

static bool bring(sqlite3 *connection, size_t count, bool migrate, const char *complaint) {
    struct schema schema = {connection, "BEGIN IMMEDIATE", execute, version_read, reason, false};
    struct slice error = SLICE_NONE;
    bool brought = schema_bring(&schema, steps, count, migrate, &fixture_arena, &error);
    if (!brought)
        printf("# %.*s\n", SLICE_ARG(error));
    return complaint ? !brought && strstr(error.at, complaint) : brought;
}

static void runs_what_is_missing_once(void) {
    fixture_begin();
    sqlite3 *connection = stranger_open();
    CHECK(bring(connection, 1, true, NULL));
    CHECK(stranger_counts(connection, "SELECT count(*) FROM one") == 1);
    CHECK(bring(connection, 2, true, NULL));
    CHECK(bring(connection, 2, true, NULL));
    CHECK(bring(connection, 2, false, NULL));
    CHECK(stranger_counts(connection, "SELECT count(*) FROM one") == 1);
    CHECK(stranger_counts(connection, "SELECT count(*) FROM schema_version") == 2);
    sqlite3_close(connection);
    fixture_end();
}

static void a_failing_step_leaves_nothing_behind(void) {
    fixture_begin();
    sqlite3 *connection = stranger_open();
    CHECK(bring(connection, 3, true, "already exists"));
    CHECK(sqlite3_get_autocommit(connection));
    CHECK(stranger_counts(connection, "SELECT max(version) FROM schema_version") == 2);
    CHECK(stranger_counts(connection, "SELECT count(*) FROM sqlite_master WHERE name = 'three'") == 0);
    sqlite3_close(connection);
    fixture_end();
}

static void without_leave_it_changes_nothing(void) {
    fixture_begin();
    sqlite3 *connection = stranger_open();
    CHECK(bring(connection, 2, false, "moonlatch migrate"));
    CHECK(stranger_counts(connection, "SELECT count(*) FROM sqlite_master") == 0);
    sqlite3_close(connection);
    fixture_end();
}

static void refuses_a_newer_schema(void) {
    fixture_begin();
    sqlite3 *connection = stranger_open();
    CHECK(bring(connection, 2, true, NULL));
    CHECK(bring(connection, 1, true, "newer"));
    CHECK(bring(connection, 1, false, "newer"));
    sqlite3_close(connection);
    fixture_end();
}

static void the_store_refuses_a_newer_schema(void) {
    fixture_begin();
    fixture_open();
    fixture_close();
    sqlite3 *stranger = stranger_open();
    CHECK(stranger_runs(stranger, "INSERT INTO schema_version VALUES (999, 'later', 0)"));
    sqlite3_close(stranger);
    struct slice error = SLICE_NONE;
    struct store_options options = {.url = fixture_url, .migrate = true};
    CHECK(!store_open(&fixture_arena, &options, &error) && strstr(error.at, "newer moonlatch"));
    fixture_end();
}

static void the_store_asks_for_a_migration(void) {
    fixture_begin();
    struct slice error = SLICE_NONE;
    struct store_options options = {.url = fixture_url, .migrate = false};
    CHECK(!store_open(&fixture_arena, &options, &error) && strstr(error.at, "moonlatch migrate"));
    fixture_end();
}

static void many_processes_at_once_migrate_once(void) {
    enum { PROCESSES = 8 };
    fixture_begin();
    pid_t children[PROCESSES];
    int gate[2];
    CHECK(pipe(gate) == 0);
    fflush(stdout);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            char byte;
            close(gate[1]);
            (void)!read(gate[0], &byte, 1); /* returns when the parent closes its end */
            char id[32];
            snprintf(id, sizeof(id), "process%d", i);
            fixture_open();
            bool spent = spend(fixture_db, id, "me") == SPEND_FIRST;
            fixture_close();
            _exit(spent ? 0 : 1);
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;
        CHECK(waitpid(children[i], &status, 0) == children[i] && status == 0);
    }
    sqlite3 *stranger = stranger_open();
    CHECK(stranger_counts(stranger, "SELECT count(*) FROM schema_version") == (int64_t)migration_count);
    CHECK(stranger_counts(stranger, "SELECT count(*) FROM spent") == PROCESSES);
    sqlite3_close(stranger);
    fixture_end();
}

int main(void) {
    RUN(many_processes_at_once_migrate_once);
    RUN(runs_what_is_missing_once);
    RUN(a_failing_step_leaves_nothing_behind);
    RUN(without_leave_it_changes_nothing);
    RUN(refuses_a_newer_schema);
    RUN(the_store_refuses_a_newer_schema);
    RUN(the_store_asks_for_a_migration);
    return unit_end();
}
