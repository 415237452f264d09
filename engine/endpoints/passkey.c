/* What pages and browsers ask about passkeys: a fresh challenge, and where else they may be used. */
#include "endpoints/endpoints.h"

#include "checks/fields.h"
#include "checks/passkey.h"
#include "checks/redirect_uri.h"

const struct field passkey_challenge_fields[] = {
    {"use", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "What it is for: sign_in, second_factor or make."},
    {0},
};

/* A page may be open for longer than its own challenge lives. */
struct response endpoint_passkey_challenge(struct request *request) {
    struct slice asked = params_get(&request->query, "use");
    enum passkey_use use = PASSKEY_SIGN_IN;
    while (use < PASSKEY_USES && !slice_is(asked, passkey_use_names[use]))
        use++;
    fields_required(request);
    if (slice_is_set(asked) && use == PASSKEY_USES)
        request_invalid(request, "query", "use", -1, "string_pattern", "use is sign_in, second_factor or make");
    enum error error = request_validation(request);
    if (error)
        return respond_error(request, error);
    struct value *answer = value_map(request->arena);
    value_set_text(request->arena, answer, "challenge", passkey_challenge(request, use));
    return response_value(request, answer);
}

/* Browsers ask on pages of another origin whether our passkeys may be used there (WebAuthn Level 3 §5.11). */
struct response endpoint_related_origins(struct request *request) {
    const struct settings *settings = request->service->settings;
    struct value *answer = value_map(request->arena), *origins = value_list(request->arena);
    value_append_text(request->arena, origins, uri_origin(request->arena, settings->issuer));
    for (size_t i = 0; i < settings->related_origins_count; i++)
        value_append_text(request->arena, origins, settings->related_origins[i]);
    value_set_value(answer, "origins", origins);
    return response_value(request, answer);
}
