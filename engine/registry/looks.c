#include "registry/looks.h"

#include "base/name.h"

enum { FILL_ROWS_MAX = 12 }; /* one statement each, in one batch */

struct slice app_look(struct arena *arena, struct slice name) {
    return name_look_of_words(arena, name);
}

/* The operator and their directory made these names, and tell arne from ame. */
struct slice user_look(struct arena *arena, struct slice username) {
    return name_look_beside_ascii(arena, username);
}

static const struct {
    enum statement missing, set;
    struct slice (*look)(struct arena *arena, struct slice name);
} kinds[] = {
    {STATEMENT_app_looks_missing, STATEMENT_app_look_set, app_look},
    {STATEMENT_user_looks_missing, STATEMENT_user_look_set, user_look},
};

bool looks_fill(struct db *db, struct arena *arena) {
    bool has_more = false;
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++) {
        struct batch asked = batch_in(arena), filled = batch_in(arena);
        struct rows *rows = batch_add(&asked, kinds[kind].missing, db_int(FILL_ROWS_MAX));
        if (!db_run(db, &asked))
            return false;
        for (size_t i = 0; i < rows->count; i++)
            batch_add(&filled, kinds[kind].set, db_text(row_text(rows, i, "id")),
                      db_text(kinds[kind].look(arena, row_text(rows, i, "name"))));
        if (rows->count && !db_run(db, &filled))
            return false;
        has_more = has_more || rows->count == FILL_ROWS_MAX;
    }
    return has_more;
}
