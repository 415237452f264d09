#include "checks/pending.h"

#include "base/clock.h"
#include "base/json.h"
#include "checks/client.h"
#include "checks/device_request.h"
#include "checks/sealed.h"
#include "checks/sealed_params.h"
#include "crypto/hex.h"
#include "crypto/random.h"

static const struct sealed_kind kind = {
    KEY_CONSENT,
    ERROR_BAD_REQUEST,
    "This request is not one of ours. Go back to the app and try again.",
    "This request has expired. Go back to the app and try again.",
    {{"id", VALUE_TEXT},
     {"spent_until", VALUE_INT},
     {"browser_id", VALUE_TEXT},
     {"app", VALUE_TEXT},
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

void pending_begin(struct request *request, const struct authorization_request *asked, struct pending *pending) {
    int64_t expires_at_s = clock_now_s() + request->service->settings->pending_s;
    int64_t source_until_s = asked->device_until_s ? asked->device_until_s : asked->pushed_until_s;
    *pending = (struct pending){
        .spent_id = pending_spent_id(request->arena, asked),
        .spent_until_s = expires_at_s > source_until_s ? expires_at_s : source_until_s,
        .expires_at_s = expires_at_s,
        .asked = *asked,
    };
}

/* All of the app that the page shows, in a few bytes. */
static struct slice app_digest(struct arena *arena, const struct app *app) {
    struct value *shown = value_list(arena);
    value_append_text(arena, shown, app->app_id);
    value_append_text(arena, shown, app->name);
    value_append_text(arena, shown, app->user_id);
    value_append_text(arena, shown, app->owner_username);
    value_append_text(arena, shown, app->description);
    value_append_text(arena, shown, app->homepage_url);
    value_append_text(arena, shown, app->logo_url);
    value_append(shown, value_int(arena, app->refresh_token_lifetime_days)); /* how long the access lasts */
    struct buffer text = buffer_in(arena);
    json_write(&text, shown);
    return sha256_base64url(arena, buffer_slice(&text));
}

struct slice pending_seal(struct request *request, const struct pending *pending, const struct session *session) {
    struct arena *arena = request->arena;
    const struct authorization_request *asked = &pending->asked;
    struct value *sealed = value_map(arena);
    value_set_text(arena, sealed, "id", pending->spent_id);
    value_set_int(arena, sealed, "spent_until", pending->spent_until_s);
    value_set_text(arena, sealed, "device_id", asked->device_id);
    value_set_text(arena, sealed, "browser_id", session->browser_id);
    value_set_text(arena, sealed, "app", app_digest(arena, &asked->app));
    value_set_text(arena, sealed, "scope", names_join(arena, asked->scopes));
    value_set_text(arena, sealed, "offered", pending->offered);
    value_set_value(sealed, "params", params_to_value(arena, &asked->params, "id_token_hint"));
    return sealed_make(request, &kind, sealed, pending->expires_at_s);
}

static enum error app_has_changed(struct request *request) {
    return fail(request, ERROR_BAD_REQUEST, "The app has changed since. Go back to it and try again.");
}

static enum error params_open(struct request *request, const struct value *sealed,
                              struct authorization_request *asked) {
    struct params params;
    if (!params_from_value(request->arena, value_get(sealed, "params"), &params))
        return fail(request, kind.error, "%s", kind.not_ours);
    enum error error = authorization_params_check(request, &params, "query", asked);
    return error && error != ERROR_STORE_UNAVAILABLE ? app_has_changed(request) : error;
}

static bool is_of_app(struct request *request, const struct value *sealed, const struct app *app) {
    return slice_equal(value_get_text(sealed, "app"), app_digest(request->arena, app));
}

enum error pending_open(struct request *request, struct slice session_id, const struct session *session,
                        struct pending *pending) {
    const struct value *sealed;
    int64_t expires_at_s;
    enum error error = sealed_open(request, &kind, session_id, &sealed, &expires_at_s);
    if (error)
        return error;
    if (!db_untold_store(request->service->db, request->arena)) /* behind it, rows say whether it was answered */
        return ERROR_STORE_UNAVAILABLE;
    if (!slice_equal(value_get_text(sealed, "browser_id"), session->browser_id))
        return fail(request, ERROR_FORBIDDEN,
                    "This request belongs to another sign-in. Go back to the app and try again.");
    *pending = (struct pending){
        .spent_id = value_get_text(sealed, "id"),
        .spent_until_s = value_get(sealed, "spent_until")->integer,
        .expires_at_s = expires_at_s,
        .offered = value_get_text(sealed, "offered"),
    };
    struct slice device_id = value_get_text(sealed, "device_id");
    error = slice_is_set(device_id) ? device_request_open(request, device_id, &pending->asked)
                                    : params_open(request, sealed, &pending->asked);
    if (error)
        return error;
    if (!is_of_app(request, sealed, &pending->asked.app)) {
        /* what is remembered may be older than the page */
        if ((error = client_renew(request, &pending->asked.app, ERROR_NONE)))
            return error;
        if (!is_of_app(request, sealed, &pending->asked.app))
            return app_has_changed(request);
    }
    pending->asked.scopes = names_split(request->arena, value_get_text(sealed, "scope")); /* what was granted of them */
    return ERROR_NONE;
}
