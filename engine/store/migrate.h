/* Brings a database's schema to this program's version. The table schema_version has a row for each
 * migration that was run. */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "store/store.h"

struct schema {
    void *connection;
    /* Begins a transaction. Where others may have one, too, what both do fails for the later, who looks again. */
    const char *begin;
    bool (*execute)(void *connection, const char *sql);
    /* The highest version in the table schema_version; 0 when there is no such table. */
    bool (*version)(void *connection, int64_t *version);
    const char *(*reason)(void *connection); /* of what failed last */
    bool is_postgres;                        /* which text of a migration it takes */
};

/* Runs the migrations that are missing, each in a transaction of its own, with `migrate`; without it
 * the schema must be there. False with *error, a sentence, when it is not at `count` afterwards. */
bool schema_bring(const struct schema *schema, const struct migration *steps, size_t count, bool migrate,
                  struct arena *arena, struct slice *error);

#endif
