/* grant_type=urn:ietf:params:oauth:grant-type:device_code (RFC 8628 §3.4, §3.5): a device asks whether its user has
 * decided. */
#include "endpoints/token_family.h"

#include "base/clock.h"
#include "crypto/code.h"

/* Whoever asks sooner than the interval allows waits longer by the step; the leeway is for what a network shifts. */
enum { SLOW_DOWN_STEP_S = 5, LEEWAY_S = 1, INTERVAL_MAX_S = 120 };

static enum error device_read(struct request *request, const struct token_caller *caller, struct rows **device) {
    struct code code;
    if (!code_open(request->arena, request->service->keyring, KEY_DEVICE, params_get(&request->form, "device_code"),
                   &code))
        return fail(request, ERROR_INVALID_GRANT, "The device_code is not valid.");
    if (!slice_equal(code.app_id, caller->client.app.app_id))
        return fail(request, ERROR_INVALID_GRANT, "The device_code was issued to another client.");
    if (code.expires_at_s <= clock_now_s())
        return ERROR_EXPIRED_TOKEN;
    struct batch batch = batch_in(request->arena);
    *device = batch_add(&batch, STATEMENT_device_polled, db_text(code.id), db_text(code.app_id));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if ((*device)->count == 0)
        return ERROR_EXPIRED_TOKEN;
    return token_binding_check(request, caller, *device);
}

/* Nobody has decided: was it time to ask? Who floods has the longest interval soon, and then writes nothing more. */
static enum error pace_check(struct request *request, const struct rows *polled) {
    int64_t now_s = clock_now_s(), interval_s = row_int(polled, 0, "interval_s");
    if (interval_s >= INTERVAL_MAX_S && row_int(polled, 0, "polled_at") + interval_s > now_s + LEEWAY_S)
        return ERROR_SLOW_DOWN;
    struct db_value device = db_text(row_text(polled, 0, "device_id")), now = db_int(now_s),
                    time_s = db_int(now_s + LEEWAY_S);
    struct batch batch = batch_in(request->arena);
    struct rows *early = batch_add(&batch, STATEMENT_device_poll_early, device, now, time_s, db_int(SLOW_DOWN_STEP_S));
    batch_add(&batch, STATEMENT_device_poll, device, now, time_s);
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    return early->count && !batch.is_repeated ? ERROR_SLOW_DOWN : ERROR_AUTHORIZATION_PENDING;
}

static enum error grant_read(struct request *request, const struct token_caller *caller, const struct rows *device,
                             struct rows **grant) {
    struct slice grant_id = row_text(device, 0, "grant_id");
    if (row_is_null(device, 0, "decided_at"))
        return pace_check(request, device);
    if (!slice_is_set(grant_id))
        return ERROR_DEVICE_DENIED;
    struct batch batch = batch_in(request->arena);
    *grant = batch_add(&batch, STATEMENT_grant_find, db_text(grant_id), db_text(caller->client.app.app_id));
    if (!db_run_told(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if ((*grant)->count == 0 || !row_is_null(*grant, 0, "revoked_at"))
        return fail(request, ERROR_INVALID_GRANT, "The authorization has been revoked.");
    return ERROR_NONE;
}

/* A device whose answer was lost on the way polls again, after its interval or twice that (RFC 8628 §3.5). Sooner, or
 * later than the grace allows, somebody else has its code. */
static struct token_repeatable retry_of(struct request *request, const struct rows *device) {
    int64_t now_s = clock_now_s(), interval_s = row_int(device, 0, "interval_s");
    return (struct token_repeatable){
        .since_s = now_s - 2 * interval_s - request->service->settings->reuse_grace_s,
        .until_s = now_s - interval_s + LEEWAY_S,
    };
}

struct response token_by_device(struct request *request, const struct token_caller *caller) {
    struct rows *device = NULL, *grant = NULL;
    enum error error = device_read(request, caller, &device);
    if (!error)
        error = grant_read(request, caller, device, &grant);
    if (error == ERROR_AUTHORIZATION_PENDING || error == ERROR_SLOW_DOWN) /* no refusal: it would fill the audit log */
        return respond_error(request, error);
    if (error)
        return token_refusal(request, NULL, &caller->client.app, error);
    return token_redeem(request, caller, grant, retry_of(request, device));
}
