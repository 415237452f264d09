#include "checks/pending.h"

#include "base/clock.h"
#include "base/json.h"
#include "checks/device_request.h"
#include "checks/sealed_params.h"
#include "crypto/random.h"
#include "crypto/seal.h"

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
    value_set_int(arena, sealed, "expires_at", expires_at_s);
    int64_t source_until_s = asked->device_until_s ? asked->device_until_s : asked->pushed_until_s;
    value_set_int(arena, sealed, "spent_until", expires_at_s > source_until_s ? expires_at_s : source_until_s);
    value_set_text(arena, sealed, "device_id", asked->device_id);
    value_set_text(arena, sealed, "session_id", session->session_id);
    value_set_text(arena, sealed, "scope", names_join(arena, asked->scopes));
    value_set_value(sealed, "params", params_to_value(arena, &asked->params, "id_token_hint"));
    struct buffer text = buffer_in(arena);
    json_write(&text, sealed);
    return seal(arena, request->service->keyring, KEY_CONSENT, buffer_slice(&text));
}

static enum error params_open(struct request *request, const struct value *sealed,
                              struct authorization_request *asked) {
    const struct params params = params_from_value(request->arena, value_get(sealed, "params"));
    enum error error = authorization_params_check(request, &params, "query", asked);
    if (error && error != ERROR_STORE_UNAVAILABLE)
        return fail(request, ERROR_BAD_REQUEST, "The app has changed since. Go back to it and try again.");
    return error;
}

enum error pending_open(struct request *request, struct slice session_id, const struct session *session,
                        struct pending *pending) {
    *pending = (struct pending){0};
    struct slice text = unseal(request->arena, request->service->keyring, KEY_CONSENT, session_id);
    struct value *sealed = slice_is_set(text) ? json_parse(request->arena, text, NULL) : NULL;
    if (!sealed)
        return fail(request, ERROR_BAD_REQUEST, "This request is not one of ours. Go back to the app and try again.");
    pending->expires_at_s = value_get(sealed, "expires_at")->integer;
    if (pending->expires_at_s <= clock_now_s())
        return fail(request, ERROR_BAD_REQUEST, "This request has expired. Go back to the app and try again.");
    if (!slice_equal(value_get_text(sealed, "session_id"), session->session_id))
        return fail(request, ERROR_FORBIDDEN,
                    "This request belongs to another sign-in. Go back to the app and try again.");
    pending->spent_id = value_get_text(sealed, "id");
    pending->spent_until_s = value_get(sealed, "spent_until")->integer;

    struct slice device_id = value_get_text(sealed, "device_id");
    enum error error = slice_is_set(device_id) ? device_request_open(request, device_id, &pending->asked)
                                               : params_open(request, sealed, &pending->asked);
    if (error)
        return error;
    pending->asked.scopes = names_split(request->arena, value_get_text(sealed, "scope")); /* what was granted of them */
    return ERROR_NONE;
}
