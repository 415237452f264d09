#include "registry/upkeep.h"

#include "base/log.h"

enum {
    TURN_EVERY_MS = 30000,
    PAGE_ROWS = 100,
    COUNTED_MAX = 2000,           /* users of an app: of more, the count is not looked at */
    TOTALS_EVERY_MS = 60 * 60000, /* app_counts: a walk through the index of all apps, some 50 ms of a million */
};

/* What a page's row tells to be wrong. */
typedef void mend(struct db *db, struct arena *arena, const struct rows *page, size_t row);

static void mended(const char *count, struct slice of, int64_t was, int64_t is) {
    log_warn("counts_mended", log_string("count", count), log_text("of", of), log_int("was", was), log_int("is", is));
}

static void user_count_mend(struct db *db, struct arena *arena, struct slice app_id, int64_t was) {
    struct batch batch = batch_in(arena);
    struct db_value app = db_text(app_id);
    batch_add(&batch, STATEMENT_app_lock_alone, app);
    struct rows *count = batch_add(&batch, STATEMENT_user_count_mend, app);
    struct rows *flags = batch_add(&batch, STATEMENT_authorizations_counted_mend, app);
    if (!db_run(db, &batch))
        return;
    if (count->count)
        mended("user_count", app_id, was, row_int(count, 0, "user_count"));
    if (flags->count)
        mended("is_counted", app_id, (int64_t)flags->count, 0);
    db_forget_all(db);
}

static void app_mend(struct db *db, struct arena *arena, const struct rows *page, size_t row) {
    int64_t was = row_int(page, row, "user_count"), users = row_int(page, row, "users");
    if (users != was && (users < COUNTED_MAX || was < COUNTED_MAX))
        user_count_mend(db, arena, row_text(page, row, "id"), was);
}

static void leftover_delete(struct db *db, struct arena *arena, enum statement statement, const char *table,
                            struct slice id) {
    struct batch batch = batch_in(arena);
    struct rows *gone = batch_add(&batch, statement, db_text(id));
    if (db_run(db, &batch) && gone->count)
        log_warn("leftovers_deleted", log_string("table", table), log_text("id", id),
                 log_int("rows", (int64_t)gone->count));
}

static void authorization_mend(struct db *db, struct arena *arena, const struct rows *page, size_t row) {
    if (row_bool(page, row, "is_left"))
        leftover_delete(db, arena, STATEMENT_leftover_authorization_delete, "authorizations",
                        row_text(page, row, "id"));
    else if (row_bool(page, row, "is_miscounted"))
        user_count_mend(db, arena, row_text(page, row, "app_id"), 0);
}

static void app_shares_mend(struct db *db, struct arena *arena, const struct rows *page, size_t row) {
    if (row_bool(page, row, "is_left"))
        leftover_delete(db, arena, STATEMENT_leftover_app_shares_delete, "app_shares", row_text(page, row, "id"));
}

static void api_key_mend(struct db *db, struct arena *arena, const struct rows *page, size_t row) {
    if (row_bool(page, row, "is_left"))
        leftover_delete(db, arena, STATEMENT_leftover_api_key_delete, "api_keys", row_text(page, row, "id"));
}

static void passkey_mend(struct db *db, struct arena *arena, const struct rows *page, size_t row) {
    if (row_bool(page, row, "is_left"))
        leftover_delete(db, arena, STATEMENT_leftover_passkey_delete, "passkeys", row_text(page, row, "id"));
}

static const struct {
    enum statement page;
    bool counts; /* the statement has COUNTED_MAX for ?3 */
    mend *mend;
} walks[UPKEEP_WALKS] = {
    /* leftovers first: they are counted no more */
    {STATEMENT_upkeep_authorizations, false, authorization_mend},
    {STATEMENT_upkeep_app_shares, false, app_shares_mend},
    {STATEMENT_upkeep_api_keys, false, api_key_mend},
    {STATEMENT_upkeep_passkeys, false, passkey_mend},
    {STATEMENT_upkeep_apps, true, app_mend},
};

/* Where the next page begins; at the end of the table, anew. */
static void walk_on(char after[UPKEEP_KEY_MAX], const struct rows *page) {
    struct slice last = page->count == PAGE_ROWS ? row_text(page, page->count - 1, "id") : SLICE("");
    size_t len = last.len < UPKEEP_KEY_MAX ? last.len : 0;
    memcpy(after, last.at, len);
    after[len] = '\0';
}

static void tables_walk(struct db *db, struct arena *arena, struct upkeep *upkeep) {
    struct batch batch = batch_in(arena);
    struct rows *pages[UPKEEP_WALKS];
    for (size_t i = 0; i < UPKEEP_WALKS; i++) {
        const struct db_value values[] = {db_text(slice_of(upkeep->after[i])), db_int(PAGE_ROWS), db_int(COUNTED_MAX)};
        pages[i] = batch_add_values(&batch, walks[i].page, values, walks[i].counts ? 3 : 2);
    }
    if (!db_run(db, &batch))
        return;
    for (size_t i = 0; i < UPKEEP_WALKS; i++) {
        for (size_t row = 0; row < pages[i]->count; row++)
            walks[i].mend(db, arena, pages[i], row);
        walk_on(upkeep->after[i], pages[i]);
    }
}

static void app_counts_mend(struct db *db, struct arena *arena, const struct rows *before) {
    struct batch batch = batch_in(arena);
    batch_add_values(&batch, STATEMENT_app_counts_lock, NULL, 0);
    struct rows *after = batch_add_values(&batch, STATEMENT_app_counts_mend, NULL, 0);
    if (!db_run(db, &batch))
        return;
    for (size_t i = 0; i < after->count; i++)
        for (size_t j = 0; j < before->count; j++)
            if (slice_equal(row_text(after, i, "kind"), row_text(before, j, "kind")))
                mended("app_counts", row_text(after, i, "kind"), row_int(before, j, "apps"), row_int(after, i, "apps"));
}

static void totals_count(struct db *db, struct arena *arena) {
    struct batch batch = batch_in(arena);
    struct rows *kinds = batch_add_values(&batch, STATEMENT_upkeep_app_counts, NULL, 0);
    if (!db_run(db, &batch))
        return;
    bool is_right = true;
    for (size_t i = 0; i < kinds->count; i++)
        is_right = is_right && row_int(kinds, i, "apps") == row_int(kinds, i, "counted");
    if (!is_right)
        app_counts_mend(db, arena, kinds);
}

void upkeep_turn(struct db *db, struct arena *arena, struct upkeep *upkeep, int64_t now_ms) {
    if (now_ms < upkeep->next_ms)
        return;
    upkeep->next_ms = now_ms + TURN_EVERY_MS;
    tables_walk(db, arena, upkeep);
    if (now_ms >= upkeep->next_totals_ms) {
        upkeep->next_totals_ms = now_ms + TOTALS_EVERY_MS;
        totals_count(db, arena);
    }
}
