#include "../../engine/checks/form_token.c"

#include "../crypto/vectors.h"
#include "../unit/unit.h"
#include "crypto/seal.h"

#include <sodium.h>

/* What only time, or somebody who has the key of another purpose, can bring: the rest is spec/http/login_csrf_spec.lua.
 */
static struct arena arena;
static struct request request;

static bool is_taken(const char *text, enum key_purpose purpose) {
    struct param param = {SLICE("csrf_token"), seal(&arena, request.service->keyring, purpose, slice_of(text))};
    request.form = (struct params){&param, 1};
    bool is_good = form_check(&request) == ERROR_NONE;
    request.form = (struct params){0};
    return is_good;
}

static const char *token(int64_t good_for_s) {
    return arena_printf(&arena,
                        "{\"browser\":\"abcdefghijklmnopqrstuv\",\"action\":\"/idp/login\",\"expires_at\":%lld}",
                        (long long)(clock_now_s() + good_for_s))
        .at;
}

static void is_good_for_an_hour(void) {
    CHECK(is_taken(token(GOOD_FOR_S), KEY_FORM));
    CHECK(is_taken(token(60), KEY_FORM));
    const struct value *sealed;
    int64_t expires_at_s, now_s = clock_now_s();
    struct slice made = token_make(&request, SLICE("abcdefghijklmnopqrstuv"), "/idp/login");
    CHECK(sealed_open(&request, &kind, made, &sealed, &expires_at_s) == ERROR_NONE);
    CHECK(expires_at_s >= now_s + GOOD_FOR_S && expires_at_s <= clock_now_s() + GOOD_FOR_S);
    CHECK(!is_taken(token(0), KEY_FORM));
    CHECK(!is_taken(token(-1), KEY_FORM));
    CHECK(!is_taken(token(-GOOD_FOR_S), KEY_FORM));
}

static void is_of_no_other_purpose(void) {
    for (unsigned purpose = 0; purpose < KEY_PURPOSES; purpose++)
        CHECK(is_taken(token(60), purpose) == (purpose == KEY_FORM));
}

/* What another release may have sealed. */
static void takes_nothing_that_is_not_whole(void) {
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "1",
        "{}",
        "{\"expires_at\":9999999999}",
        "{\"browser\":\"abcdefghijklmnopqrstuv\"}",
        "{\"browser\":\"abcdefghijklmnopqrstuv\",\"action\":\"/idp/login\",\"expires_at\":\"9999999999\"}",
        "{\"browser\":\"abcdefghijklmnopqrstuv\",\"expires_at\":9999999999}",
        "{\"browser\":null,\"action\":\"/idp/login\",\"expires_at\":9999999999}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        CHECK(!is_taken(texts[i], KEY_FORM));
}

int main(void) {
    static const struct route login = {.path = "/idp/login"};
    CHECK(sodium_init() >= 0);
    arena_init(&arena);
    struct keyring *keyring = keyring_of(1);
    struct settings settings = {.issuer = SLICE("http://localhost:8080")};
    struct service service = {.settings = &settings, .keyring = keyring};
    request = (struct request){
        .arena = &arena,
        .service = &service,
        .route = &login,
        .origin = SLICE("null"),
        .cookie = SLICE("moonlatch-form=abcdefghijklmnopqrstuv"),
    };
    RUN(is_good_for_an_hour);
    RUN(is_of_no_other_purpose);
    RUN(takes_nothing_that_is_not_whole);
    keyring_close(keyring);
    arena_free(&arena);
    return unit_end();
}
