/* Budgets: what is taken, given back, and whose place a new count takes. */
#include "../../engine/base/budget.c"

#include "../unit/unit.h"

static const struct budget five = {5, 60};
enum { NOON = 1764244800 };

static uint64_t key(const char *who) {
    return budget_key('t', slice_of(who));
}

static int64_t use(const char *who, int64_t now_s) {
    return budget_take(&five, key(who), now_s, NULL);
}

static void so_many_in_a_window_and_then_the_wait_is_its_rest(void) {
    for (int i = 0; i < 5; i++)
        CHECK(use("a", NOON + i) == 0);
    CHECK(use("a", NOON + 10) == 50);
    CHECK(use("a", NOON + 59) == 1);
    CHECK(use("b", NOON + 10) == 0);
    for (int i = 0; i < 5; i++)
        CHECK(use("a", NOON + 60) == 0);
    CHECK(use("a", NOON + 60) == 60);
}

static void without_a_most_there_is_no_limit(void) {
    const struct budget any = {0, 60};
    struct budget_use use;
    for (int i = 0; i < 100; i++)
        CHECK(budget_take(&any, key("any"), NOON, &use) == 0);
    CHECK(!use.key);
    budget_settle(&use, true);
}

static void what_is_under_way_stands_against_it_until_it_is_given_back(void) {
    struct budget_use uses[5], more;
    for (int i = 0; i < 5; i++)
        CHECK(budget_take(&five, key("c"), NOON, &uses[i]) == 0);
    CHECK(budget_take(&five, key("c"), NOON, &more) == 1);
    CHECK(!more.key);
    budget_settle(&uses[0], true);
    budget_settle(&uses[1], false);
    CHECK(budget_take(&five, key("c"), NOON, &more) == 0);
    budget_settle(&more, false);
    CHECK(budget_take(&five, key("c"), NOON, &more) == 1);
    for (int i = 2; i < 5; i++)
        budget_settle(&uses[i], false);
    CHECK(budget_take(&five, key("c"), NOON, &more) == 60);
}

static void what_is_given_back_late_is_not_taken_from_the_next_window(void) {
    struct budget_use early, late, more;
    CHECK(budget_take(&five, key("d"), NOON, &early) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(use("d", NOON + 60) == 0);
    CHECK(budget_take(&five, key("d"), NOON + 60, &late) == 0);
    budget_settle(&early, true);
    CHECK(budget_take(&five, key("d"), NOON + 60, &more) == 1);
    budget_settle(&late, false);
    CHECK(budget_take(&five, key("d"), NOON + 60, &more) == 60);
}

static void what_is_settled_twice_is_given_back_once(void) {
    struct budget_use once, more;
    for (int i = 0; i < 4; i++)
        CHECK(use("f", NOON) == 0);
    CHECK(budget_take(&five, key("f"), NOON, &once) == 0);
    for (int i = 0; i < 3; i++)
        budget_settle(&once, true);
    CHECK(budget_take(&five, key("f"), NOON, &more) == 0);
    CHECK(budget_take(&five, key("f"), NOON, &more) == 1);
}

static void a_clock_that_was_set_back_keeps_nobody_waiting(void) {
    for (int i = 0; i < 5; i++)
        CHECK(use("e", NOON + 86400) == 0);
    CHECK(use("e", NOON + 86400) == 60);
    CHECK(use("e", NOON) == 0);
}

static void a_crowd_that_uses_little_washes_out_nobody(void) {
    const struct budget fifty = {50, 6000};
    for (int i = 0; i < 10; i++)
        CHECK(budget_take(&fifty, key("heavy"), NOON, NULL) == 0);
    char who[16];
    for (int i = 0; i < BUDGET_SETS * BUDGET_WAYS * 8; i++) {
        snprintf(who, sizeof(who), "%d", i);
        budget_take(&fifty, key(who), NOON, NULL);
    }
    for (int i = 0; i < 40; i++)
        CHECK(budget_take(&fifty, key("heavy"), NOON, NULL) == 0);
    CHECK(budget_take(&fifty, key("heavy"), NOON, NULL) == 6000);
}

static uint64_t network(const char *address, size_t prefix6) {
    return budget_key_network('n', slice_of(address), prefix6);
}

static void an_address_stands_for_its_network(void) {
    CHECK(network("192.0.2.1", 64) == network("192.0.2.1", 48));
    CHECK(network("192.0.2.1", 64) != network("192.0.2.2", 64));
    CHECK(network("2001:db8:1:2::1", 64) == network("2001:db8:1:2:3::9", 64));
    CHECK(network("2001:db8:1:2::1", 64) != network("2001:db8:1:3::1", 64));
    CHECK(network("2001:db8:1:2::1", 48) == network("2001:db8:1:3::1", 48));
    CHECK(network("2001:db8:1:2::1", 48) != network("2001:db8:2:2::1", 48));
    CHECK(network("::ffff:192.0.2.1", 64) == network("192.0.2.1", 64));
    CHECK(network("::ffff:192.0.2.2", 64) != network("192.0.2.1", 64));
    CHECK(network("192.0.2.1", 64) != budget_key('m', slice_of("192.0.2.1")));
    CHECK(network("", 64) == network("", 48));
}

int main(void) {
    RUN(so_many_in_a_window_and_then_the_wait_is_its_rest);
    RUN(without_a_most_there_is_no_limit);
    RUN(what_is_under_way_stands_against_it_until_it_is_given_back);
    RUN(what_is_given_back_late_is_not_taken_from_the_next_window);
    RUN(what_is_settled_twice_is_given_back_once);
    RUN(a_clock_that_was_set_back_keeps_nobody_waiting);
    RUN(a_crowd_that_uses_little_washes_out_nobody);
    RUN(an_address_stands_for_its_network);
    return unit_end();
}
