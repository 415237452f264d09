#include "store/migrate.h"

#include "base/clock.h"
#include "base/log.h"

static bool newer(int64_t version, size_t count, struct arena *arena, struct slice *error) {
    *error = arena_printf(arena,
                          "The database has schema version %lld and this moonlatch knows versions up to %zu: "
                          "start the newer moonlatch that made it.",
                          (long long)version, count);
    return false;
}

static bool failed(const struct schema *schema, const char *what, struct arena *arena, struct slice *error) {
    *error = arena_printf(arena, "The schema could not be %s: %s.", what, schema->reason(schema->connection));
    return false;
}

/* In the transaction: what another process did since is seen here. */
static bool step_run(const struct schema *schema, const struct migration *steps, size_t count, struct arena *arena,
                     int64_t *version) {
    if (!schema->execute(schema->connection, "CREATE TABLE IF NOT EXISTS schema_version "
                                             "(version bigint PRIMARY KEY, name text NOT NULL, "
                                             "applied_at bigint NOT NULL)") ||
        !schema->version(schema->connection, version))
        return false;
    if (*version >= (int64_t)count)
        return true;
    const struct migration *step = &steps[*version];
    struct slice insert = arena_printf(arena, "INSERT INTO schema_version VALUES (%lld, '%s', %lld)",
                                       (long long)step->version, step->name, (long long)clock_now_s());
    if (!schema->execute(schema->connection, schema->is_postgres ? step->postgres : step->sql) ||
        !schema->execute(schema->connection, insert.at))
        return false;
    *version = step->version;
    log_info("schema_migrated", log_int("version", step->version), log_string("name", step->name));
    return true;
}

bool schema_bring(const struct schema *schema, const struct migration *steps, size_t count, bool migrate,
                  struct arena *arena, struct slice *error) {
    int64_t version = 0;
    if (!schema->version(schema->connection, &version))
        return failed(schema, "read", arena, error);
    if (!migrate && version < (int64_t)count) {
        *error = arena_printf(arena,
                              "The database has schema version %lld and this moonlatch needs version %zu: "
                              "run `moonlatch migrate`.",
                              (long long)version, count);
        return false;
    }
    while (version < (int64_t)count) {
        if (!schema->execute(schema->connection, schema->begin))
            return failed(schema, "locked", arena, error);
        if (!step_run(schema, steps, count, arena, &version) || !schema->execute(schema->connection, "COMMIT")) {
            failed(schema, "migrated", arena, error);
            schema->execute(schema->connection, "ROLLBACK");
            return false;
        }
    }
    return version == (int64_t)count || newer(version, count, arena, error);
}
