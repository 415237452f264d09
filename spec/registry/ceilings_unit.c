/* What strangers may make the store keep: who floods has spent his own. */
#include "../../engine/registry/ceilings.c"

#include "../unit/unit.h"

static const struct settings settings = {
    .device_codes_per_address_max = 100,
    .registrations_per_address_max = 30,
    .proofs_per_address_max = 50,
    .refusals_told_max = 1500,
};
static const struct service service = {.settings = &settings};
static struct arena arena;

static struct request from(const char *address) {
    return (struct request){.arena = &arena, .service = &service, .address = slice_of(address)};
}

static struct request from_network(int i) {
    return from(arena_printf(&arena, "2001:db8:%x::1", i).at);
}

static int told(struct request request, int count, bool is_common) {
    int told = 0;
    for (int i = 0; i < count; i++)
        told += ceiling_refusal_fits(&request, NULL, is_common);
    return told;
}

static void of_a_flood_a_hundred_refusals_are_told(void) {
    struct request flood = from("192.0.2.1");
    flood.about.app_id = SLICE("app");
    CHECK(told(flood, 1000, false) == 100);
    CHECK(told(from("192.0.2.2"), 10, false) == 10);
}

static void what_happens_all_day_spends_no_first_ones(void) {
    CHECK(told(from("192.0.2.3"), 1000, true) == 80);
    CHECK(told(from("192.0.2.3"), 20, false) == 20);
}

static void one_app_has_no_more_than_its_share_of_the_rest(void) {
    int sum = 0;
    for (int i = 0; i < 10; i++) {
        struct request flood = from_network(0x100 + i);
        flood.about.app_id = SLICE("flooded");
        sum += told(flood, 200, true);
    }
    CHECK(sum == 200);
    struct request other = from_network(0x200);
    other.about.app_id = SLICE("other");
    CHECK(told(other, 50, true) == 50);
}

static void thirty_floods_leave_what_a_newcomer_needs(void) {
    for (int i = 0; i < 30; i++)
        told(from_network(i), 1000, false);
    CHECK(told(from("198.51.100.1"), 20, false) == 20);
}

static void however_many_networks_there_are_the_total_holds(void) {
    int sum = 0;
    for (int i = 0x1000; i < 0x8000; i++) {
        struct request request = from_network(i);
        request.about.app_id = arena_printf(&arena, "of %d", i % 50);
        sum += told(request, 1, false);
    }
    CHECK(sum > 0 && sum <= 1500);
    CHECK(told(from("198.51.100.9"), 20, false) == 0);
}

static void who_is_known_has_a_budget_of_their_own(void) {
    struct request request = from("192.0.2.1");
    const struct slice user = SLICE("alice"), other = SLICE("bob");
    int sum = 0;
    for (int i = 0; i < 200; i++)
        sum += ceiling_refusal_fits(&request, &user, false);
    CHECK(sum == 100);
    CHECK(ceiling_refusal_fits(&request, &other, false));
}

static void proofs_are_counted_for_the_network_and_for_the_key(void) {
    struct request one = from("192.0.2.1"), other = from("192.0.2.2");
    for (int i = 0; i < 50; i++)
        CHECK(ceiling_proof_check(&one, SLICE("key")) == ERROR_NONE);
    CHECK(ceiling_proof_check(&one, SLICE("another")) == ERROR_TOO_MANY_REQUESTS);
    CHECK(one.retry_after_s > 0 && one.retry_after_s <= 60);
    CHECK(ceiling_proof_check(&other, SLICE("key")) == ERROR_TOO_MANY_REQUESTS);
    CHECK(ceiling_proof_check(&other, SLICE("another")) == ERROR_NONE);
}

static void registrations_have_a_total(void) {
    int sum = 0;
    for (int i = 0; i < 40; i++) {
        struct request request = from_network(i);
        for (int j = 0; j < 40; j++)
            sum += ceiling_check(&request, CEILING_REGISTRATION) == ERROR_NONE;
    }
    CHECK(sum == 900);
}

static void device_codes_of_one_take_none_from_others(void) {
    struct request one = from("192.0.2.1"), other = from("192.0.2.2");
    for (int i = 0; i < 100; i++)
        CHECK(ceiling_check(&one, CEILING_DEVICE_CODE) == ERROR_NONE);
    CHECK(ceiling_check(&one, CEILING_DEVICE_CODE) == ERROR_TOO_MANY_REQUESTS);
    CHECK(ceiling_check(&other, CEILING_DEVICE_CODE) == ERROR_NONE);
    for (int i = 0; i < 100; i++) { /* a site has 65,536 networks of 64 bits */
        struct request site = from(arena_printf(&arena, "2001:db9:1:%x::1", i).at);
        CHECK(ceiling_check(&site, CEILING_DEVICE_CODE) == ERROR_NONE);
    }
    struct request same = from("2001:db9:1:100::1"), next = from("2001:db9:2:1::1");
    CHECK(ceiling_check(&same, CEILING_DEVICE_CODE) == ERROR_TOO_MANY_REQUESTS);
    CHECK(ceiling_check(&next, CEILING_DEVICE_CODE) == ERROR_NONE);
}

int main(void) {
    arena_init(&arena);
    RUN(of_a_flood_a_hundred_refusals_are_told);
    RUN(what_happens_all_day_spends_no_first_ones);
    RUN(one_app_has_no_more_than_its_share_of_the_rest);
    RUN(thirty_floods_leave_what_a_newcomer_needs);
    RUN(however_many_networks_there_are_the_total_holds);
    RUN(who_is_known_has_a_budget_of_their_own);
    RUN(proofs_are_counted_for_the_network_and_for_the_key);
    RUN(registrations_have_a_total);
    RUN(device_codes_of_one_take_none_from_others);
    arena_free(&arena);
    arena_pool_drain();
    return unit_end();
}
