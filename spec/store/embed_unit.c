/* sql/embed.lua: what it makes of good text is in use everywhere; here is what it refuses. */
#include "../unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64], said[4096];

static void file_write(const char *path, const char *text) {
    char full[128];
    snprintf(full, sizeof(full), "%s/%s", directory, path);
    FILE *file = fopen(full, "w");
    if (!file)
        abort();
    fputs(text, file);
    fclose(file);
}

/* Whether it fails; what it says is in `said`. */
static bool refuses(const char *schema, const char *statements) {
    char command[512];
    file_write("schema/001_start.sql", schema);
    file_write("statements/a.sql", statements);
    snprintf(command, sizeof(command), "luajit %s/sql/embed.lua %s %s/out 2>&1", MOONLATCH_HOME, directory, directory);
    FILE *run = popen(command, "r");
    if (!run)
        abort();
    said[fread(said, 1, sizeof(said) - 1, run)] = '\0';
    return pclose(run) != 0;
}

static bool refuses_at(const char *statements, const char *place, const char *words) {
    return refuses("CREATE TABLE t (a text)", statements) && strstr(said, place) && strstr(said, words);
}

static void takes_what_is_right(void) {
    CHECK(!refuses("CREATE TABLE t (a text); -- why?\n",
                   "-- for readers\n-- name: one\n-- for readers: ?9\nSELECT '-- ?7 \"x\"', ?1; -- ?8\n"
                   "-- name: two\nUPDATE t SET a = ?2 WHERE a = ?1 OR a = 'it''s -- :: ?3'\n"
                   "-- name: three\nSELECT ?1\n-- sqlite:\n  AS sqlite\n-- postgresql:\n  AS other\n-- both:\n"));
    char path[128], text[8192];
    snprintf(path, sizeof(path), "%s/out.c", directory);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    text[file ? fread(text, 1, sizeof(text) - 1, file) : 0] = '\0';
    if (file)
        fclose(file);
    CHECK(strstr(
        text,
        "{\"one\",\n     \"SELECT '-- ?7 \\\"x\\\"', ?1\",\n     \"SELECT '-- ?7 \\\"x\\\"', $1\",\n     1, true}"));
    CHECK(strstr(text, "SET a = ?2 WHERE a = ?1 OR a = 'it''s -- :: ?3'\",\n"));
    CHECK(strstr(text, "SET a = $2 WHERE a = $1 OR a = 'it''s -- :: ?3'\",\n     2, false}"));
    CHECK(strstr(text, "SELECT ?1\\n\"\n     \"  AS sqlite\",\n"));
    CHECK(strstr(text, "SELECT $1\\n\"\n     \"  AS other\",\n"));
}

static void keeps_databases_apart(void) {
    CHECK(refuses_at("-- name: a\nSELECT 1\n-- sqlite:\n  , ?1\n-- both:\n",
                     "a.sql:1:", "1 parameters for SQLite and 0"));
    CHECK(refuses_at("-- name: a\n-- postgresql:\nSELECT 1\n", "a.sql:1:", "empty"));
}

static void refuses_names(void) {
    CHECK(refuses_at("-- name: a\nSELECT 1\n-- name: b\nSELECT 1\n-- name: a\nSELECT 2\n", "a.sql:5:", "a.sql:1"));
    CHECK(refuses_at("-- name: Bad-Name\nSELECT 1\n", "a.sql:1:", "Bad-Name"));
    CHECK(refuses_at("\nSELECT 1\n-- name: a\nSELECT 1\n", "a.sql:2:", "before"));
}

static void refuses_parameters(void) {
    CHECK(refuses_at("-- name: a\nSELECT ?1,\n ?3\n", "a.sql:1:", "?3 but no ?2"));
    CHECK(refuses_at("-- name: a\nSELECT ?1,\n ?\n", "a.sql:3:", "?1, ?2"));
    CHECK(refuses("CREATE TABLE t (a text DEFAULT ?1)", "-- name: a\nSELECT 1\n") && strstr(said, "no parameters"));
}

static void refuses_text(void) {
    CHECK(refuses_at("-- name: a\n-- only this\n\n-- name: b\nSELECT 1\n", "a.sql:1:", "empty"));
    CHECK(refuses_at("-- name: a\nSELECT 1;\nDELETE FROM t\n", "a.sql:3:", "one statement"));
    CHECK(refuses_at("-- name: a\nSELECT 'x\n", "a.sql:2:", "not closed"));
    CHECK(refuses_at("-- name: a\nSELECT a::int FROM t\n", "a.sql:2:", "CAST"));
    CHECK(refuses_at("-- name: a\nPRAGMA x\n", "a.sql:1:", "begins with PRAGMA"));
    CHECK(refuses_at("-- nothing\n", "statements:1:", "no statement"));
}

static void refuses_migrations(void) {
    CHECK(refuses("-- nothing\n", "-- name: a\nSELECT 1\n") &&
          strstr(said, "001_start.sql:1: error: the migration is empty"));
    file_write("schema/003_later.sql", "CREATE TABLE u (a text)");
    CHECK(refuses_at("-- name: a\nSELECT 1\n", "003_later.sql:1:", "002 comes next"));
}

int main(void) {
    static const char *const made[] = {"schema/001_start.sql",
                                       "schema/003_later.sql",
                                       "statements/a.sql",
                                       "out.c",
                                       "out.h",
                                       "schema",
                                       "statements",
                                       ""};
    char path[128];
    strcpy(directory, "/tmp/moonlatch-embed-XXXXXX");
    if (!mkdtemp(directory))
        return 1;
    snprintf(path, sizeof(path), "%s/schema", directory);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/statements", directory);
    mkdir(path, 0700);
    RUN(takes_what_is_right);
    RUN(keeps_databases_apart);
    RUN(refuses_names);
    RUN(refuses_parameters);
    RUN(refuses_text);
    RUN(refuses_migrations);
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, made[i]);
        remove(path);
    }
    return unit_end();
}
