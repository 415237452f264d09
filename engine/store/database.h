/* The seam below the store: what a database must do. store.c knows databases by this table alone: sqlite.c and
 * postgres.c. */
#ifndef STORE_DATABASE_H
#define STORE_DATABASE_H

#include "store/store.h"

struct cache;

struct database_options {
    const char *url;
    bool migrate;
    size_t queue_max, group_max, connections;
    /* NULL: none. The database empties it when somebody else has changed something, and vouches for
     * it as long as it would have noticed. */
    struct cache *cache;
};

enum { DATABASE_SCHEMES = 2 };
struct database {
    const char *schemes[DATABASE_SCHEMES];                          /* with their colon */
    const char *(*directory)(struct arena *arena, const char *url); /* store_directory; NULL: it has none */
    /* NULL with *error, a sentence in `arena`. */
    void *(*open)(const struct database_options *options, struct arena *arena, int64_t *schema_version,
                  struct slice *error);
    void (*close)(void *opened);
    /* For one thread; `inbox` and error as in db_open. */
    void *(*connect)(void *opened, struct inbox *inbox, struct arena *arena, struct slice *error);
    void (*disconnect)(void *connection);
    /* db_run: says why in the log when it returns false. */
    bool (*run)(void *connection, struct batch *batch);
    void (*tick)(void *connection, int64_t now_ms); /* db_tick; NULL: nothing to do */
    int64_t (*broken_at_ms)(void *opened);          /* when a connection broke last, or 0; NULL: none breaks */
};

extern const struct database sqlite_database, postgres_database;

#endif
