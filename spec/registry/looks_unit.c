#include "../../engine/registry/looks.c"

#include "../store/fixture.h"

#include <locale.h>

static void executes(const char *sql) {
    if (fixture_postgres()) {
        PGconn *connection = PQconnectdb(fixture_url);
        PGresult *result = PQexec(connection, sql);
        CHECK(PQresultStatus(result) == PGRES_COMMAND_OK);
        PQclear(result);
        PQfinish(connection);
        return;
    }
    sqlite3 *connection;
    CHECK(sqlite3_open(fixture_path, &connection) == SQLITE_OK);
    CHECK(sqlite3_exec(connection, sql, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(connection);
}

/* Rows as an older release writes them, whose look is not known. */

static void app_old(const char *id, const char *name) {
    char sql[640];
    snprintf(sql, sizeof(sql),
             "INSERT INTO apps (app_id, number, client_id, user_id, name, name_key, redirect_uris, active, public, "
             "refresh_token_lifetime_days, allowed_scopes, secret_hash, user_count, created_at, updated_at) "
             "SELECT '%s', count(*), '%s', 'u', '%s', '%s', '', TRUE, TRUE, 30, '', CAST('' AS %s), 0, 1, 1 FROM apps",
             id, id, name, id, fixture_postgres() ? "bytea" : "blob");
    executes(sql);
}

static void user_old(const char *id, const char *name) {
    char sql[320];
    snprintf(sql, sizeof(sql),
             "INSERT INTO users (user_id, username, username_key, fingerprint_hash, roles, created_at) "
             "VALUES ('%s', '%s', '%s', CAST('%s' AS %s), '', 1)",
             id, name, id, id, fixture_postgres() ? "bytea" : "blob");
    executes(sql);
}

/* Whose look is that, by app_names_taken: of another app than `but`. */
static bool is_taken(const char *name, const char *but) {
    struct batch batch = batch_in(&fixture_arena);
    struct rows *rows = batch_add(&batch, STATEMENT_app_names_taken, db_text(SLICE("-")),
                                  db_text(app_look(&fixture_arena, slice_of(name))), db_text(slice_of(but)));
    CHECK(db_run(fixture_db, &batch));
    return row_bool(rows, 0, "looks_taken");
}

static size_t missing(enum statement statement) {
    struct batch batch = batch_in(&fixture_arena);
    struct rows *rows = batch_add(&batch, statement, db_int(100));
    CHECK(db_run(fixture_db, &batch));
    return rows->count;
}

static void old_names_stay_and_are_looked_at(void) {
    app_old("a1", "Paypal");
    app_old("a2", "Paypa1");
    app_old("a3", "PayPaI");
    app_old("a4", "Else");
    user_old("u1", "alice");
    user_old("u2", "\xc9\x91lice");
    for (int i = 0; i < 3 * FILL_ROWS_MAX; i++) {
        char id[16], name[16];
        snprintf(id, sizeof(id), "b%d", i);
        snprintf(name, sizeof(name), "Many %d", i);
        app_old(id, name);
    }
    fixture_open();
    CHECK(missing(STATEMENT_app_looks_missing) == 4 + 3 * FILL_ROWS_MAX && !is_taken("paypal", ""));
    int rounds = 1;
    while (looks_fill(fixture_db, &fixture_arena))
        rounds++;
    CHECK(rounds == 4); /* some at a time */
    CHECK(missing(STATEMENT_app_looks_missing) == 0 && missing(STATEMENT_user_looks_missing) == 0);
    struct batch renamed = batch_in(&fixture_arena); /* meanwhile, which has set it */
    batch_add(&renamed, STATEMENT_app_look_set, db_text(SLICE("a4")), db_text(SLICE("as it was")));
    CHECK(db_run(fixture_db, &renamed));
    CHECK(is_taken("PAYPAL", "") && is_taken("paypal", "a1") && is_taken("else", "") && !is_taken("else", "a4"));
    fixture_close();
}

/* What the migration of that name does. */
static void migrates_again(const char *name) {
    for (size_t i = 0; i < migration_count; i++)
        if (strcmp(migrations[i].name, name) == 0)
            executes(fixture_postgres() ? migrations[i].postgres : migrations[i].sql);
}

/* As a server left it to whom a space or a mark made another name. */
static void looks_of_an_older_rule_are_made_anew(void) {
    executes("UPDATE apps SET look = name WHERE app_id IN ('a1', 'a4')");
    app_old("c1", "Pay pal");
    executes("UPDATE apps SET look = 'pay pal' WHERE app_id = 'c1'");
    migrates_again("looks");
    fixture_open();
    while (looks_fill(fixture_db, &fixture_arena))
        ;
    CHECK(missing(STATEMENT_app_looks_missing) == 0);
    CHECK(is_taken("E-l s e", "") && is_taken("PAYPAL.", "a1") && !is_taken("Paypal or not", ""));
    fixture_close();
    executes("DELETE FROM apps WHERE app_id = 'c1'");
}

static void a_twin_guards_its_name_alone(void) {
    executes("DELETE FROM apps WHERE app_id IN ('a1', 'a2')");
    fixture_open();
    CHECK(is_taken("Paypal", ""));
    fixture_close();
}

static void *fills(void *data) {
    struct slice error;
    struct arena arena;
    arena_init(&arena);
    struct db *db = db_open(fixture_store, NULL, &error);
    bool *is_good = data;
    *is_good = db != NULL;
    while (db && looks_fill(db, &arena))
        ;
    db_close(db);
    arena_free(&arena);
    return NULL;
}

/* Two servers at once, on names that clash. */
static void several_fill_at_once(void) {
    enum { THREADS = 4 };
    executes("UPDATE apps SET look = NULL, look_twin = '', name = 'Same'");
    fixture_open();
    pthread_t threads[THREADS];
    bool good[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, fills, &good[i]) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0 && good[i]);
    while (looks_fill(fixture_db, &fixture_arena)) /* what a round that gave up has left */
        ;
    CHECK(missing(STATEMENT_app_looks_missing) == 0 && is_taken("same", "a3") && is_taken("same", "a4"));
    fixture_close();
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    fixture_begin();
    fixture_open();
    fixture_close();
    RUN(old_names_stay_and_are_looked_at);
    RUN(looks_of_an_older_rule_are_made_anew);
    RUN(a_twin_guards_its_name_alone);
    RUN(several_fill_at_once);
    fixture_end();
    return unit_end();
}
