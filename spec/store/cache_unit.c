#include "../../engine/store/cache.c"

#include "../unit/unit.h"

static const char *const names[] = {"number", "text"};
static struct arena arena;
static struct cache *cache;

static void begin(size_t bytes) {
    cache = cache_new(bytes);
    cache_vouch(cache, INT64_MAX);
}

static void end(void) {
    cache_free(cache);
    arena_free(&arena);
    CHECK(metric_get(METRIC_cache_bytes) == 0);
}

static void fill(const char *key, int64_t number, const char *text, struct cache_miss miss) {
    struct db_value values[] = {db_int(number), db_text(slice_of(text))};
    struct rows rows = {.count = 1, .columns = 2, .names = names, .values = values};
    cache_fill(cache, STATEMENT_spent_find, slice_of(key), &rows, miss);
}

/* -1: not there. */
static int64_t find_in(struct arena *in, const char *key, struct cache_miss *miss) {
    struct rows *rows = cache_find(cache, in, STATEMENT_spent_find, slice_of(key), miss);
    return rows ? row_int(rows, 0, "number") : -1;
}

static int64_t find(const char *key) {
    struct cache_miss miss;
    return find_in(&arena, key, &miss);
}

static void put(const char *key, int64_t number) {
    struct cache_miss miss;
    find_in(&arena, key, &miss);
    fill(key, number, "text", miss);
}

static void gives_copies(void) {
    begin(1 << 20);
    struct cache_miss miss;
    CHECK(find("a") == -1);
    put("a", 1);
    put("b", 2);
    struct rows *rows = cache_find(cache, &arena, STATEMENT_spent_find, SLICE("a"), &miss);
    CHECK(rows && row_int(rows, 0, "number") == 1);
    cache_forget(cache, STATEMENT_spent_find, SLICE("a"));
    CHECK(rows && slice_is(row_text(rows, 0, "text"), "text"));
    CHECK(find("a") == -1 && find("b") == 2);
    end();
}

static void tells_statements_and_keys_apart(void) {
    begin(1 << 20);
    struct cache_miss miss;
    put("a", 1);
    put("", 3);
    put("abcdefgh", 8);
    put("abcdefghi", 9);
    CHECK(find("") == 3 && find("abcdefgh") == 8 && find("abcdefghi") == 9);
    CHECK(!cache_find(cache, &arena, STATEMENT_user_by_id, SLICE("a"), &miss));
    cache_forget(cache, STATEMENT_user_by_id, SLICE("a"));
    CHECK(find("a") == 1);
    end();
}

static void takes_the_later_read_s_rows(void) {
    begin(1 << 20);
    cache_keep_for(cache, 1000);
    struct cache_miss first = cache_pass(cache, STATEMENT_spent_find, SLICE("a")), second = first;
    second.at_ms++;
    put("b", 1); /* beside it */
    fill("a", 1, "older", first);
    fill("a", 2, "later", second);
    CHECK(find("a") == 2);
    fill("a", 1, "older", first);
    CHECK(find("a") == 2 && find("b") == 1);
    cache_forget(cache, STATEMENT_spent_find, SLICE("a"));
    fill("a", 3, "raced", second);
    CHECK(find("a") == -1);
    end();
}

static void throws_away_a_fill_that_raced_with_a_forget(void) {
    begin(1 << 20);
    struct cache_miss miss;
    find_in(&arena, "a", &miss);
    cache_forget(cache, STATEMENT_spent_find, SLICE("a"));
    fill("a", 1, "old", miss);
    CHECK(find("a") == -1);
    find_in(&arena, "a", &miss);
    cache_forget_all(cache);
    fill("a", 1, "old", miss);
    CHECK(find("a") == -1);
    put("a", 2);
    CHECK(find("a") == 2);
    end();
}

static void keeps_no_absent_row(void) {
    begin(1 << 20);
    struct rows rows = {.count = 0, .columns = 2, .names = names};
    struct cache_miss miss;
    find_in(&arena, "a", &miss);
    cache_fill(cache, STATEMENT_spent_find, SLICE("a"), &rows, miss);
    CHECK(find("a") == -1);
    end();
}

static void forgets_all(void) {
    begin(1 << 20);
    char key[32];
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "key%d", i);
        put(key, i);
    }
    cache_forget_all(cache);
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "key%d", i);
        CHECK(find(key) == -1);
    }
    end();
}

static void answers_only_while_vouched_for(void) {
    begin(1 << 20);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    put("a", 1);
    CHECK(find("a") == 1);
    cache_vouch(cache, now.tv_sec * 1000 - 100); /* the cache's clock is coarse: some milliseconds behind */
    CHECK(find("a") == -1);
    cache_vouch(cache, now.tv_sec * 1000 + 60000);
    CHECK(find("a") == 1);
    end();
}

static void keeps_a_row_for_as_long_as_it_was_told(void) {
    begin(1 << 20);
    cache_keep_for(cache, 60000);
    put("a", 1);
    CHECK(find("a") == 1);
    struct cache_miss miss;
    find_in(&arena, "b", &miss);
    miss.at_ms -= 60000; /* when the store was asked */
    fill("b", 2, "text", miss);
    CHECK(find("b") == -1);
    put("b", 3);
    CHECK(find("b") == 3);
    end();
}

static void stays_within_its_bytes(void) {
    enum { BYTES = 64 * 1024 };
    begin(BYTES);
    char key[32];
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "key%d", i);
        put(key, i);
        CHECK(metric_get(METRIC_cache_bytes) <= BYTES);
        put("used", 7); /* stays, because it is asked for */
        CHECK(find("used") == 7);
    }
    CHECK(find("key4999") == 4999);
    CHECK(find("key0") == -1);
    CHECK(metric_get(METRIC_cache_bytes) > BYTES / 2);
    char *large = malloc(BYTES);
    memset(large, 'x', BYTES - 1);
    large[BYTES - 1] = 0;
    struct cache_miss miss;
    find_in(&arena, "large", &miss);
    fill("large", 1, large, miss);
    CHECK(find("large") == -1);
    CHECK(find("used") == 7);
    free(large);
    end();
}

/* A stand-in for the database: a number that only grows. What a reader gets must not be older than
 * what was forgotten before it asked. */
static _Atomic int64_t truth, forgotten;
static _Atomic bool over;
static _Atomic int64_t too_old;

static void *reads(void *argument) {
    (void)argument;
    while (!atomic_load(&over)) {
        struct arena mine;
        arena_init(&mine);
        struct cache_miss miss;
        int64_t least = atomic_load(&forgotten);
        int64_t got = find_in(&mine, "a", &miss);
        if (got < 0) {
            got = atomic_load(&truth);
            fill("a", got, "x", miss);
        }
        if (got < least)
            atomic_fetch_add(&too_old, 1);
        arena_free(&mine);
    }
    arena_pool_drain();
    return NULL;
}

static void shows_nobody_what_was_forgotten(void) {
    begin(1 << 20);
    pthread_t readers[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&readers[i], NULL, reads, NULL);
    for (int64_t i = 1; i <= 20000; i++) {
        atomic_store(&truth, i);
        if (i % 50 == 0)
            cache_forget_all(cache);
        else
            cache_forget(cache, STATEMENT_spent_find, SLICE("a"));
        atomic_store(&forgotten, i);
    }
    atomic_store(&over, true);
    for (int i = 0; i < 3; i++)
        pthread_join(readers[i], NULL);
    CHECK(atomic_load(&too_old) == 0);
    end();
}

int main(void) {
    RUN(gives_copies);
    RUN(tells_statements_and_keys_apart);
    RUN(takes_the_later_read_s_rows);
    RUN(throws_away_a_fill_that_raced_with_a_forget);
    RUN(keeps_no_absent_row);
    RUN(forgets_all);
    RUN(answers_only_while_vouched_for);
    RUN(keeps_a_row_for_as_long_as_it_was_told);
    RUN(stays_within_its_bytes);
    RUN(shows_nobody_what_was_forgotten);
    return unit_end();
}
