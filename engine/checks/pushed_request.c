#include "checks/pushed_request.h"

#include "base/clock.h"
#include "checks/sealed.h"
#include "checks/sealed_params.h"
#include "crypto/random.h"

#define REQUEST_URI "urn:ietf:params:oauth:request_uri:" /* RFC 9126 §2.2 */

static const struct sealed_kind kind = {
    KEY_REQUEST,
    ERROR_INVALID_REQUEST_URI,
    "The request_uri is not one that was pushed here.",
    "The request_uri has expired.",
    {{"id", VALUE_TEXT}, {"until", VALUE_INT}, {"params", VALUE_LIST}},
};

static struct slice request_uri_of(struct request *request, const struct pushed_request *pushed, int64_t lifetime_s) {
    struct arena *arena = request->arena;
    int64_t expires_at_s = clock_now_s() + lifetime_s;
    struct value *sealed = value_map(arena);
    value_set_text(arena, sealed, "id", pushed->id);
    value_set_int(arena, sealed, "until", pushed->until_s);
    value_set_value(sealed, "params", params_to_value(arena, &pushed->params, NULL));
    if (expires_at_s > pushed->until_s)
        expires_at_s = pushed->until_s;
    return arena_printf(arena, REQUEST_URI "%.*s", SLICE_ARG(sealed_make(request, &kind, sealed, expires_at_s)));
}

struct slice pushed_request_make(struct request *request, const struct params *params) {
    const struct settings *settings = request->service->settings;
    char id[UUID_LEN + 1];
    uuid_random(id);
    const struct pushed_request pushed = {slice_of(id), clock_now_s() + settings->pushed_s + settings->pending_s,
                                          *params};
    return request_uri_of(request, &pushed, settings->pushed_s);
}

struct slice pushed_request_renew(struct request *request, const struct pushed_request *pushed) {
    return request_uri_of(request, pushed, request->service->settings->pending_s);
}

enum error pushed_request_open(struct request *request, struct slice request_uri, struct pushed_request *pushed) {
    struct slice text =
        slice_starts(request_uri, REQUEST_URI) ? slice_from(request_uri, sizeof(REQUEST_URI) - 1) : SLICE_NONE;
    const struct value *sealed;
    int64_t expires_at_s;
    enum error error = sealed_open(request, &kind, text, &sealed, &expires_at_s);
    if (error)
        return error;
    pushed->id = value_get_text(sealed, "id");
    pushed->until_s = value_get(sealed, "until")->integer;
    if (!params_from_value(request->arena, value_get(sealed, "params"), &pushed->params))
        return fail(request, kind.error, "%s", kind.not_ours);
    return ERROR_NONE;
}
