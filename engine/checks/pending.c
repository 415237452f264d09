#include "checks/pending.h"

#include "base/clock.h"
#include "checks/device_request.h"
#include "checks/sealed.h"
#include "checks/sealed_params.h"
#include "crypto/random.h"

static const struct sealed_kind kind = {
    KEY_CONSENT,
    ERROR_BAD_REQUEST,
    "This request is not one of ours. Go back to the app and try again.",
    "This request has expired. Go back to the app and try again.",
    {{"id", VALUE_TEXT},
     {"spent_until", VALUE_INT},
     {"session_id", VALUE_TEXT},
     {"scope", VALUE_TEXT},
     {"params", VALUE_LIST}},
};

struct slice pending_spent_id(struct arena *arena, const struct authorization_request *asked) {
    char id[UUID_LEN + 1];
    if (slice_is_set(asked->device_id))
        return arena_printf(arena, "device:%.*s", SLICE_ARG(asked->device_id));
    uuid_random(id);
    return slice_is_set(asked->pushed_id) ? arena_printf(arena, "pushed:%.*s", SLICE_ARG(asked->pushed_id))
                                          : arena_printf(arena, "consent:%s", id);
}

struct slice pending_seal(struct request *request, const struct authorization_request *asked,
                          const struct session *session) {
    struct arena *arena = request->arena;
    struct value *sealed = value_map(arena);
    value_set_text(arena, sealed, "id", pending_spent_id(arena, asked));
    int64_t expires_at_s = clock_now_s() + request->service->settings->pending_s;
    int64_t source_until_s = asked->device_until_s ? asked->device_until_s : asked->pushed_until_s;
    value_set_int(arena, sealed, "spent_until", expires_at_s > source_until_s ? expires_at_s : source_until_s);
    value_set_text(arena, sealed, "device_id", asked->device_id);
    value_set_text(arena, sealed, "session_id", session->session_id);
    value_set_text(arena, sealed, "scope", names_join(arena, asked->scopes));
    value_set_value(sealed, "params", params_to_value(arena, &asked->params, "id_token_hint"));
    return sealed_make(request, &kind, sealed, expires_at_s);
}

static enum error params_open(struct request *request, const struct value *sealed,
                              struct authorization_request *asked) {
    struct params params;
    if (!params_from_value(request->arena, value_get(sealed, "params"), &params))
        return fail(request, kind.error, "%s", kind.not_ours);
    enum error error = authorization_params_check(request, &params, "query", asked);
    if (error && error != ERROR_STORE_UNAVAILABLE)
        return fail(request, ERROR_BAD_REQUEST, "The app has changed since. Go back to it and try again.");
    return error;
}

enum error pending_open(struct request *request, struct slice session_id, const struct session *session,
                        struct pending *pending) {
    *pending = (struct pending){0};
    const struct value *sealed;
    enum error error = sealed_open(request, &kind, session_id, &sealed, &pending->expires_at_s);
    if (error)
        return error;
    if (!slice_equal(value_get_text(sealed, "session_id"), session->session_id))
        return fail(request, ERROR_FORBIDDEN,
                    "This request belongs to another sign-in. Go back to the app and try again.");
    pending->spent_id = value_get_text(sealed, "id");
    pending->spent_until_s = value_get(sealed, "spent_until")->integer;

    struct slice device_id = value_get_text(sealed, "device_id");
    error = slice_is_set(device_id) ? device_request_open(request, device_id, &pending->asked)
                                    : params_open(request, sealed, &pending->asked);
    if (error)
        return error;
    pending->asked.scopes = names_split(request->arena, value_get_text(sealed, "scope")); /* what was granted of them */
    return ERROR_NONE;
}
