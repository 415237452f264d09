/* POST /idp/par: an authorization request, pushed by its client before the browser comes (RFC 9126). */
#include "endpoints/endpoints.h"

#include "checks/authorization_request.h"
#include "checks/client.h"
#include "checks/dpop.h"
#include "checks/fields.h"
#include "checks/pushed_request.h"

const struct field par_fields[] = {
    CLIENT_FIELDS,
    {"response_type", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "code."},
    {"redirect_uri", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "One that the app has registered."},
    {"scope", FIELD_TEXT, 0, 0, 0, "This and the rest as at /idp/authorize."},
    {0},
};

/* The form as an authorization request of the client that has proven itself (RFC 9126 §2.1). */
static struct params params_of(struct request *request, const struct client *client, struct slice dpop_jkt) {
    struct params params = authorization_params(request->arena, &request->form), whole = {0};
    whole.list = arena_alloc(request->arena, (params.count + 2) * sizeof(*whole.list));
    whole.list[whole.count++] = (struct param){SLICE("client_id"), client->app.client_id};
    for (size_t i = 0; i < params.count; i++)
        if (!slice_is(params.list[i].name, "client_id"))
            whole.list[whole.count++] = params.list[i];
    if (slice_is_set(dpop_jkt) && !slice_is_set(params_get(&params, "dpop_jkt")))
        whole.list[whole.count++] = (struct param){SLICE("dpop_jkt"), dpop_jkt};
    return whole;
}

static enum error client_read(struct request *request, struct client *client, struct dpop_proof *proof) {
    struct slice asked_jkt = params_get(&request->form, "dpop_jkt");
    enum error error = client_check(request, client);
    if (error)
        return error;
    if (!client->is_named)
        return fail(request, ERROR_INVALID_CLIENT, "Client authentication failed.");
    if (slice_is_set(params_get(&request->form, "request_uri")))
        return fail(request, ERROR_INVALID_REQUEST, "A request_uri cannot be pushed.");
    if (slice_is_set(params_get(&request->form, "request")))
        return fail(request, ERROR_REQUEST_NOT_SUPPORTED, NULL);
    if ((error = dpop_check(request, SLICE_NONE, proof)))
        return error;
    if (slice_is_set(proof->jkt) && slice_is_set(asked_jkt) && !slice_equal(proof->jkt, asked_jkt))
        return fail(request, ERROR_INVALID_DPOP_PROOF, "dpop_jkt is not the thumbprint of the proof's key.");
    /* Of a client that proves nothing a proof only names the key, as dpop_jkt does: it is not worth a row. */
    return client->is_authenticated ? dpop_spend(request, proof) : ERROR_NONE;
}

struct response endpoint_par(struct request *request) {
    struct client client;
    struct dpop_proof proof;
    fields_required(request);
    enum error error = request_validation(request);
    if (error || (error = client_read(request, &client, &proof)))
        return respond_error(request, error);
    struct params params = params_of(request, &client, proof.jkt);
    struct authorization_request asked;
    if ((error = authorization_params_check(request, &params, "body", &asked)))
        return respond_error(request, error);
    int64_t lifetime_s = request->service->settings->pushed_s;
    struct value *answer = value_map(request->arena);
    value_set_text(request->arena, answer, "request_uri", pushed_request_make(request, &asked.params));
    value_set_int(request->arena, answer, "expires_in", lifetime_s);
    struct response response = response_value(request, answer);
    response.status = 201;
    return response;
}
