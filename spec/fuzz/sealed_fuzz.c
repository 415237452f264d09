/* What is sealed with the right key and holds anything: as another release may have made it. The first byte says what
 * kind, the rest is a JSON object whose members replace those of a good one, or any text. */
#include "members.h"

#include "../checks/sealed_by_releases.h"
#include "../crypto/vectors.h"
#include "../store/fixture.h"
#include "checks/pending.h"
#include "checks/pushed_request.h"
#include "checks/second_factor.h"
#include "crypto/code.h"
#include "crypto/seal.h"

#define REQUEST_URI "urn:ietf:params:oauth:request_uri:"

static const struct session session = {.session_id = {"0123456789012345678999", 22},
                                       .browser_id = {"0123456789012345678901", 22}};

static void consent_open(struct request *request, struct slice text) {
    struct pending pending;
    FUZZ_CHECK(pending_open(request, text, &session, &pending)); /* its app is not there */
}

static void request_uri_open(struct request *request, struct slice text) {
    struct pushed_request pushed;
    if (pushed_request_open(request, arena_printf(request->arena, REQUEST_URI "%.*s", SLICE_ARG(text)), &pushed))
        return;
    FUZZ_CHECK(slice_is_set(pushed.id) && pushed.until_s > clock_now_s() && pushed.params.count <= PARAMS_MAX);
    FUZZ_CHECK(slice_is_set(pushed_request_renew(request, &pushed)));
}

static void factor_open(struct request *request, struct slice text) {
    struct proven first = {0};
    FUZZ_CHECK(second_factor_open(request, text, &first)); /* its user is not there */
}

static void codes_open(struct request *request, enum key_purpose purpose, struct slice text) {
    struct code code;
    if (code_open(request->arena, request->service->keyring, purpose, text, &code))
        FUZZ_CHECK(code.id.len && code.app_id.len);
}

static const struct {
    const char *good;
    enum key_purpose purpose;
    void (*open)(struct request *request, struct slice text);
} kinds[] = {
    {sealed_consent_offered, KEY_CONSENT, consent_open},
    {sealed_consent_of_device_offered, KEY_CONSENT, consent_open},
    {sealed_request_uri + sizeof(REQUEST_URI) - 1, KEY_REQUEST, request_uri_open},
    {sealed_factor, KEY_FACTOR, factor_open},
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static const struct service *service_of(void) {
    static struct settings settings = {.issuer = {"https://id.example", 18}, .pending_s = 600, .pushed_s = 90};
    static struct service service = {.settings = &settings};
    if (!service.keyring) {
        fixture_begin();
        service.keyring = keyring_of(1);
        fixture_open();
        service.db = fixture_db;
        atexit(fixture_close);
    }
    return &service;
}

/* The good one's plain text with those members replaced; the input itself where it is no object. */
static struct slice plain_of(struct arena *arena, const struct service *service, size_t kind, struct slice input) {
    struct slice good = unseal(arena, service->keyring, kinds[kind].purpose, slice_of(kinds[kind].good));
    const struct value *map = json_parse(arena, good, NULL);
    FUZZ_CHECK(map && map->kind == VALUE_MAP);
    struct slice replaced = members_replace(arena, map, input);
    return slice_is_set(replaced) ? replaced : input;
}

static void fuzz(struct arena *arena, struct slice input) {
    const struct service *service = service_of();
    if (!input.len)
        return;
    size_t kind = (unsigned char)input.at[0] % KINDS;
    struct request request = {.arena = arena, .service = service, .id = "fuzz", .method = SLICE("GET")};
    struct slice plain = plain_of(arena, service, kind, (struct slice){input.at + 1, input.len - 1});
    kinds[kind].open(&request, seal(arena, service->keyring, kinds[kind].purpose, plain));
    codes_open(&request, KEY_CODE, seal(arena, service->keyring, KEY_CODE, plain));
    codes_open(&request, KEY_DEVICE, seal(arena, service->keyring, KEY_DEVICE, plain));
}
