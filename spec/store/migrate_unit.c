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

/* What the release before left: counts that had drifted, rows of what was gone. */
static const char drifted[] =
    "INSERT INTO users (user_id, username, username_key, fingerprint_hash, roles, created_at)"
    " VALUES ('u', 'u', 'u', 'u', '', 1);"
    "INSERT INTO apps (app_id, number, client_id, user_id, name, name_key, redirect_uris, active, public,"
    " refresh_token_lifetime_days, allowed_scopes, secret_hash, user_count, created_at, updated_at)"
    " VALUES ('a', 1, 'a', 'u', 'a', 'a', '', TRUE, TRUE, 1, '', 'x', 7, 1, 1),"
    " ('b', 2, 'b', 'u', 'b', 'b', '', FALSE, TRUE, 1, '', 'x', 0, 1, 1),"
    " ('c', 3, 'c', 'gone', 'c', 'c', '', TRUE, FALSE, 1, '', 'x', 0, 1, 1);"
    "INSERT INTO authorizations (authorization_id, user_id, app_id, scopes, version, created_at, updated_at, "
    "revoked_at)"
    " VALUES ('1', 'u', 'a', '', 1, 1, 1, NULL), ('2', 'u', 'b', '', 1, 1, 1, 1), ('3', 'gone', 'a', '', 1, 1, 1, "
    "NULL),"
    " ('4', 'u', 'gone', '', 1, 1, 1, NULL);"
    "INSERT INTO app_shares (app_id, user_id, shared_at) VALUES ('a', 'gone', 1), ('gone', 'u', 1), ('b', 'u', 1);"
    "INSERT INTO api_keys (key_id, user_id, secret_hash, created_at) VALUES ('k', 'gone', 'x', 1), ('l', 'u', 'x', 1);"
    "UPDATE app_counts SET apps = 28";

static void what_had_drifted_is_put_right(void) {
    size_t before = 0;
    while (before < migration_count && strcmp(migrations[before].name, "counts") != 0)
        before++;
    CHECK(before < migration_count);
    fixture_begin();
    sqlite3 *connection = stranger_open();
    struct schema schema = {connection, "BEGIN IMMEDIATE", execute, version_read, reason, false};
    struct slice error = SLICE_NONE;
    CHECK(schema_bring(&schema, migrations, before, true, &fixture_arena, &error));
    CHECK(stranger_runs(connection, drifted));
    CHECK(schema_bring(&schema, migrations, migration_count, true, &fixture_arena, &error));
    CHECK(stranger_counts(connection, "SELECT apps FROM app_counts WHERE kind = 'listed'") == 1);
    CHECK(stranger_counts(connection, "SELECT apps FROM app_counts WHERE kind = 'unlisted'") == 0);
    CHECK(stranger_counts(connection, "SELECT user_count FROM apps WHERE app_id = 'a'") == 1);
    CHECK(stranger_counts(connection, "SELECT count(*) FROM apps") == 2);
    CHECK(stranger_counts(connection, "SELECT count(*) FROM authorizations") == 2);
    CHECK(stranger_counts(connection, "SELECT is_counted FROM authorizations WHERE authorization_id = '1'") == 1);
    CHECK(stranger_counts(connection, "SELECT is_counted FROM authorizations WHERE authorization_id = '2'") == 0);
    CHECK(stranger_counts(connection, "SELECT count(*) FROM app_shares") == 1);
    CHECK(stranger_counts(connection, "SELECT count(*) FROM api_keys") == 1);
    sqlite3_close(connection);
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
    RUN(what_had_drifted_is_put_right);
    return unit_end();
}
