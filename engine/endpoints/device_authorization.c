/* POST /idp/device_authorization (RFC 8628 §3.1, §3.2): a device that has no browser asks for codes. */
#include "endpoints/consent_step.h"
#include "endpoints/endpoints.h"

#include "base/clock.h"
#include "checks/client.h"
#include "checks/dpop.h"
#include "checks/fields.h"
#include "checks/resource.h"
#include "checks/scope.h"
#include "crypto/code.h"
#include "crypto/random.h"
#include "registry/ceilings.h"

const struct field device_authorization_fields[] = {
    CLIENT_FIELDS,
    {"scope", FIELD_TEXT, 0, 0, 0, "Separated by spaces."},
    {"resource", FIELD_TEXT, 0, 0, 0, "What the tokens are for (RFC 8707); may come several times."},
    {0},
};

/* So many codes of an app may wait: of those that need no secret, which strangers ask for, and of all, so that
 * strangers (each of whom has a ceiling of his own, registry/ceilings.h) cannot use up what the app's own server asks
 * for. */
enum { WAITING_UNPROVEN_MAX = 1000, WAITING_MAX = 10000, INTERVAL_S = 5, TRIES_MAX = 5 };

struct device_wish {
    struct client client;
    struct dpop_proof proof; /* of the key that the device_code is bound to; absent: to none */
    const struct value *scopes;
    struct slice resources;
};

static enum error wish_read(struct request *request, struct device_wish *wish) {
    struct client *client = &wish->client;
    enum error error = client_check(request, client);
    if (error)
        return error;
    if (!client->is_named)
        return fail(request, ERROR_INVALID_CLIENT, "Client authentication failed.");
    if (!client->app.active)
        return fail(request, ERROR_APP_IS_OFF, NULL);
    if (!names_hold(client->app.metadata.grant_types, SLICE(GRANT_DEVICE_CODE)))
        return fail(request, ERROR_UNAUTHORIZED_CLIENT, "The app has not registered this grant type.");
    if ((error = dpop_check(request, SLICE_NONE, &wish->proof)) ||
        (error = scope_check(request, params_get(&request->form, "scope"), &wish->scopes)) ||
        (error = resource_check(request, &request->form, &client->app, &wish->resources)))
        return error;
    /* Of a client that proves nothing a proof only names the key: each poll needs one of its own. */
    return client->is_authenticated ? dpop_spend(request, &wish->proof) : ceiling_check(request, CEILING_DEVICE_CODE);
}

struct device_codes {
    char device_id[KEY_ID_LEN + 1], user_code[USER_CODE_LEN + 1];
    int64_t expires_at_s;
};

/* A user_code that waits for another device is drawn again. */
static enum error device_insert(struct request *request, const struct device_wish *wish, struct device_codes *codes) {
    int64_t now_s = clock_now_s();
    codes->expires_at_s = now_s + request->service->settings->device_code_s;
    int64_t waiting_max = wish->client.is_authenticated ? WAITING_MAX : WAITING_UNPROVEN_MAX;
    struct db_value app = db_text(wish->client.app.app_id), now = db_int(now_s), most = db_int(waiting_max);
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        key_id_mint(codes->device_id);
        user_code_mint(codes->user_code);
        struct batch batch = batch_in(request->arena);
        struct rows *held = batch_add(&batch, STATEMENT_app_lock, app);
        struct rows *made = batch_add(
            &batch, STATEMENT_device_insert, db_text(slice_of(codes->device_id)), db_text(slice_of(codes->user_code)),
            app, db_text(names_join(request->arena, wish->scopes)), db_text(wish->resources), db_text(wish->proof.jkt),
            now, db_int(codes->expires_at_s), db_int(INTERVAL_S), most);
        struct rows *waiting = batch_add(&batch, STATEMENT_device_count_waiting, app, now, most);
        if (!db_run(request->service->db, &batch))
            return ERROR_STORE_UNAVAILABLE;
        if (made->count)
            return ERROR_NONE;
        if (held->count == 0)
            return fail(request, ERROR_INVALID_CLIENT, "Client authentication failed.");
        if (row_int(waiting, 0, "codes") >= waiting_max)
            return fail(request, ERROR_TOO_MANY_REQUESTS, "Too many devices of this app are waiting. Try again later.");
    }
    return ERROR_OVERLOADED;
}

struct response endpoint_device_authorization(struct request *request) {
    struct arena *arena = request->arena;
    struct device_wish wish = {0};
    struct device_codes codes;
    enum error error = wish_read(request, &wish);
    if (error || (error = device_insert(request, &wish, &codes)))
        return respond_error(request, error);
    const struct code sealed = {slice_of(codes.device_id), wish.client.app.app_id, codes.expires_at_s};
    struct slice user_code = arena_copy(arena, slice_of(codes.user_code));
    struct value *answer = value_map(arena);
    value_set_text(arena, answer, "device_code", code_seal(arena, request->service->keyring, KEY_DEVICE, &sealed));
    value_set_text(arena, answer, "user_code", user_code);
    value_set_text(arena, answer, "verification_uri", device_url(request, SLICE_NONE));
    value_set_text(arena, answer, "verification_uri_complete", device_url(request, user_code));
    value_set_int(arena, answer, "expires_in", request->service->settings->device_code_s);
    value_set_int(arena, answer, "interval", INTERVAL_S);
    return response_value(request, answer);
}
