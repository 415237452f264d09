#include "checks/id_token_hint.h"

#include "registry/signing_keys.h"

bool id_token_hint_read(struct request *request, struct slice text, struct id_token_hint *hint) {
    struct jws jws;
    if (!jws_parse(request->arena, text, &jws) || !slice_is(jws.typ, "JWT") || !jwt_is_ours(request, &jws) ||
        !slice_equal(value_get_text(jws.payload, "iss"), request->service->settings->issuer))
        return false;
    *hint = (struct id_token_hint){
        .client_id = value_get_text(jws.payload, "aud"),
        .user_id = value_get_text(jws.payload, "sub"),
        .session_id = value_get_text(jws.payload, "sid"),
    };
    return slice_is_set(hint->client_id) && slice_is_set(hint->user_id);
}
