/* What another release of this server has sealed is refused, or opened; it crashes nobody: every member of every kind
 * is taken away, and replaced by every kind of value. */
#include "../../engine/checks/sealed.c"

#include "../crypto/vectors.h"
#include "../store/fixture.h"
#include "checks/pending.h"
#include "checks/pushed_request.h"
#include "checks/second_factor.h"
#include "crypto/code.h"
#include "crypto/jose_key.h"
#include "crypto/nonce.h"
#include "sealed_by_releases.h"

#include <sodium.h>

#define REQUEST_URI "urn:ietf:params:oauth:request_uri:"

static const int64_t then_s = 1796000000;
static struct keyring *keyring;
static struct settings settings;
static struct service service;
static const struct session session = {.session_id = {"0123456789012345678999", 22},
                                       .browser_id = {"0123456789012345678901", 22}};

static struct request request_new(void) {
    return (struct request){.arena = &fixture_arena, .service = &service};
}

/* How one kind is opened, and what it says when all its members are there. */
typedef enum error opener(struct request *request, struct slice text);

static enum error consent_open(struct request *request, struct slice text) {
    struct pending pending;
    return pending_open(request, text, &session, &pending);
}

static enum error request_uri_open(struct request *request, struct slice text) {
    struct pushed_request pushed;
    return pushed_request_open(request, arena_printf(request->arena, REQUEST_URI "%.*s", SLICE_ARG(text)), &pushed);
}

static enum error factor_open(struct request *request, struct slice text) {
    struct proven first = {0};
    return second_factor_open(request, text, &first);
}

static const struct sealed_case {
    const char *text;
    enum key_purpose purpose;
    opener *open;
    const char *opened; /* the refusal behind the opening: the store is empty; NULL: none */
} cases[] = {
    {sealed_consent_offered, KEY_CONSENT, consent_open, "The app has changed since. Go back to it and try again."},
    {sealed_consent_of_device_offered, KEY_CONSENT, consent_open, "This code has expired. Start anew on your device."},
    {sealed_request_uri + sizeof(REQUEST_URI) - 1, KEY_REQUEST, request_uri_open, NULL},
    {sealed_factor, KEY_FACTOR, factor_open, "There is no such account any more."},
};
enum { CASES = sizeof(cases) / sizeof(*cases) };

static bool opens(const struct sealed_case *one, struct slice text) {
    struct request request = request_new();
    enum error error = one->open(&request, text);
    if (error)
        CHECK(slice_is_set(request.error_text));
    return error ? one->opened && slice_is(request.error_text, one->opened) : !one->opened;
}

static struct value *map_of(const struct sealed_case *one) {
    return json_parse(&fixture_arena, unseal(&fixture_arena, keyring, one->purpose, slice_of(one->text)), NULL);
}

static struct slice sealed_of(const struct sealed_case *one, const struct value *value) {
    struct buffer text = buffer_in(&fixture_arena);
    json_write(&text, value);
    return seal(&fixture_arena, keyring, one->purpose, buffer_slice(&text));
}

/* The map with another value (NULL: none) under that name. */
static struct value *map_but(const struct value *map, struct slice name, struct value *instead) {
    struct value *but = value_map(&fixture_arena);
    for (const struct value *member = map->first; member; member = member->next)
        if (!slice_equal(member->name, name))
            value_set(but, member->name, value_copy(&fixture_arena, member));
    if (instead)
        value_set(but, name, instead);
    return but;
}

static struct value *of_kind(enum value_kind kind) {
    switch (kind) {
    case VALUE_NULL:
        return value_null(&fixture_arena);
    case VALUE_BOOL:
        return value_bool(&fixture_arena, true);
    case VALUE_INT:
        return value_int(&fixture_arena, INT64_MAX);
    case VALUE_REAL:
        return value_real(&fixture_arena, 1e300);
    case VALUE_TEXT:
        return value_text(&fixture_arena, SLICE("text"));
    case VALUE_LIST:
        return value_list(&fixture_arena);
    default:
        return value_map(&fixture_arena);
    }
}

static void what_a_release_sealed_opens(void) {
    for (size_t i = 0; i < CASES; i++)
        CHECK(opens(&cases[i], slice_of(cases[i].text)));
}

static void a_consent_that_was_sealed_without_what_its_page_offers_is_refused(void) {
    static const char *const texts[] = {sealed_consent, sealed_consent_of_device};
    for (size_t i = 0; i < 2; i++) {
        struct request request = request_new();
        CHECK(consent_open(&request, slice_of(texts[i])) == ERROR_BAD_REQUEST);
        CHECK(slice_starts(request.error_text, "This request is not one of ours."));
    }
}

static void a_member_that_a_later_release_adds_is_passed_over(void) {
    for (size_t i = 0; i < CASES; i++)
        CHECK(opens(&cases[i], sealed_of(&cases[i], map_but(map_of(&cases[i]), SLICE("later"), of_kind(VALUE_MAP)))));
}

/* Only these are optional. */
static bool may_be_missing(const struct value *member) {
    return slice_is(member->name, "device_id") || slice_is(member->name, "offered");
}

static void a_member_that_is_missing_is_refused(void) {
    for (size_t i = 0; i < CASES; i++) {
        const struct value *map = map_of(&cases[i]);
        for (const struct value *member = map->first; member; member = member->next)
            if (!may_be_missing(member))
                CHECK(!opens(&cases[i], sealed_of(&cases[i], map_but(map, member->name, NULL))));
    }
}

static void a_member_of_another_kind_is_refused(void) {
    for (size_t i = 0; i < CASES; i++) {
        const struct value *map = map_of(&cases[i]);
        for (const struct value *member = map->first; member; member = member->next)
            for (enum value_kind kind = VALUE_NULL; kind <= VALUE_MAP; kind++) {
                bool is_open = opens(&cases[i], sealed_of(&cases[i], map_but(map, member->name, of_kind(kind))));
                CHECK(!is_open || kind == member->kind || may_be_missing(member));
            }
    }
}

static void what_is_no_map_is_refused(void) {
    static const char *const texts[] = {"", "{", "[]", "null", "1", "\"text\"", "{}", "{\"expires_at\":9e18}", "\xff"};
    for (size_t i = 0; i < CASES; i++)
        for (size_t j = 0; j < sizeof(texts) / sizeof(*texts); j++)
            CHECK(!opens(&cases[i], seal(&fixture_arena, keyring, cases[i].purpose, slice_of(texts[j]))));
}

static void parameters_that_are_no_pairs_of_texts_are_refused(void) {
    static const char *const lists[] = {"[1]",         "[null]",
                                        "[\"a\"]",     "[[]]",
                                        "[[\"a\"]]",   "[[\"a\",null]]",
                                        "[[1,\"b\"]]", "[[\"a\",\"b\",\"c\"]]",
                                        "[{\"a\":1}]", "[[[\"a\"],[\"b\"]]]",
                                        "[[\"a\",{}]]"};
    for (size_t i = 0; i < CASES; i++) {
        const struct value *map = map_of(&cases[i]);
        if (!value_get(map, "params") || slice_is_set(value_get_text(map, "device_id"))) /* a device's are in its row */
            continue;
        for (size_t j = 0; j < sizeof(lists) / sizeof(*lists); j++) {
            struct value *list = json_parse(&fixture_arena, slice_of(lists[j]), NULL);
            CHECK(list && !opens(&cases[i], sealed_of(&cases[i], map_but(map, SLICE("params"), list))));
        }
    }
}

static void what_has_expired_is_refused(void) {
    for (size_t i = 0; i < CASES; i++)
        for (int64_t late_s = 0; late_s <= 1; late_s++) {
            struct value *when = value_int(&fixture_arena, clock_now_s() - late_s);
            CHECK(!opens(&cases[i], sealed_of(&cases[i], map_but(map_of(&cases[i]), SLICE("expires_at"), when))));
        }
}

static void codes_of_other_releases(void) {
    static const char *const texts[] = {"",     " ",    "  ",     "a",        "a b",       "a b ",         "a b x",
                                        " b 1", "a  1", "a b -1", "a b \xff", "a b c d e", "1 2 3junk 4 5"};
    struct code code;
    for (int kind = 0; kind < 2; kind++) {
        enum key_purpose purpose = kind ? KEY_DEVICE : KEY_CODE;
        struct slice sealed = slice_of(kind ? sealed_device_code : sealed_code);
        CHECK(code_open(&fixture_arena, keyring, purpose, sealed, &code));
        CHECK(slice_is(code.id, "0123456789012345678901") && code.expires_at_s > then_s);
        CHECK(code_open(&fixture_arena, keyring, purpose,
                        seal(&fixture_arena, keyring, purpose, SLICE("grant app 1796000000 later")), &code) &&
              code.expires_at_s == then_s);
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
            CHECK(!code_open(&fixture_arena, keyring, purpose,
                             seal(&fixture_arena, keyring, purpose, slice_of(texts[i])), &code));
    }
}

static void nonces_of_other_releases(void) {
    int64_t expires_at_s;
    CHECK(nonce_is_valid(keyring, KEY_NONCE, slice_of(sealed_nonce), then_s, &expires_at_s));
    CHECK(expires_at_s == then_s + 300);
    CHECK(nonce_is_valid(keyring, KEY_DPOP, slice_of(sealed_dpop_nonce), then_s, &expires_at_s));
    CHECK(!nonce_is_valid(keyring, KEY_NONCE, slice_of(sealed_nonce), then_s + 300, &expires_at_s));
}

static void a_signing_key_that_is_none(void) {
    struct slice der = unseal(&fixture_arena, keyring, KEY_SIGNING, slice_of(sealed_signing_key));
    CHECK(slice_is(der, "not DER"));
    for (enum jose_alg alg = 0; alg < JOSE_ALGS; alg++) {
        CHECK(!jose_key_from_der(alg, der));
        CHECK(!jose_key_from_der(alg, SLICE("")));
    }
}

int main(void) {
    CHECK(sodium_init() >= 0);
    fixture_begin();
    fixture_open();
    keyring = keyring_of(1);
    settings.pending_s = settings.pushed_s = 600;
    settings.issuer = SLICE("https://id.example");
    service = (struct service){.settings = &settings, .keyring = keyring, .db = fixture_db};
    RUN(what_a_release_sealed_opens);
    RUN(a_consent_that_was_sealed_without_what_its_page_offers_is_refused);
    RUN(a_member_that_a_later_release_adds_is_passed_over);
    RUN(a_member_that_is_missing_is_refused);
    RUN(a_member_of_another_kind_is_refused);
    RUN(what_is_no_map_is_refused);
    RUN(parameters_that_are_no_pairs_of_texts_are_refused);
    RUN(what_has_expired_is_refused);
    RUN(codes_of_other_releases);
    RUN(nonces_of_other_releases);
    RUN(a_signing_key_that_is_none);
    keyring_close(keyring);
    fixture_close();
    fixture_end();
    return unit_end();
}
