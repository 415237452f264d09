#include "checks/pending.h"

#include "base/clock.h"
#include "base/json.h"
#include "checks/client.h"
#include "checks/redirect_uri.h"
#include "crypto/random.h"
#include "crypto/seal.h"

struct slice pending_seal(struct request *request, const struct authorization_request *asked,
                          const struct session *session) {
    struct arena *arena = request->arena;
    char id[UUID_LEN + 1];
    uuid_random(id);
    struct value *sealed = value_map(arena);
    value_set_text(arena, sealed, "id", slice_of(id));
    value_set_int(arena, sealed, "expires_at", clock_now_s() + request->service->settings->pending_s);
    value_set_text(arena, sealed, "session_id", session->session_id);
    value_set_text(arena, sealed, "client_id", asked->app.client_id);
    value_set_text(arena, sealed, "redirect_uri", asked->redirect_uri);
    value_set_text(arena, sealed, "state", asked->state);
    value_set_text(arena, sealed, "code_challenge", asked->code_challenge);
    value_set_text(arena, sealed, "nonce", asked->nonce);
    value_set_text(arena, sealed, "prompt", asked->prompt);
    value_set_text(arena, sealed, "scope", names_join(arena, asked->scopes));
    struct buffer text = buffer_in(arena);
    json_write(&text, sealed);
    return seal(arena, request->service->keyring, KEY_CONSENT, buffer_slice(&text));
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
    pending->spent_id = arena_printf(request->arena, "consent:%.*s", SLICE_ARG(value_get_text(sealed, "id")));

    struct authorization_request *asked = &pending->asked;
    *asked = (struct authorization_request){
        .redirect_uri = value_get_text(sealed, "redirect_uri"),
        .state = value_get_text(sealed, "state"),
        .code_challenge = value_get_text(sealed, "code_challenge"),
        .nonce = value_get_text(sealed, "nonce"),
        .prompt = value_get_text(sealed, "prompt"),
        .scopes = names_split(request->arena, value_get_text(sealed, "scope")),
        .max_age_s = -1,
    };
    enum error error = client_find(request, value_get_text(sealed, "client_id"), &asked->app);
    if (error == ERROR_STORE_UNAVAILABLE)
        return error;
    if (error || !asked->app.active || !redirect_uri_is_registered(request->arena, &asked->app, asked->redirect_uri))
        return fail(request, ERROR_BAD_REQUEST, "The app has changed since. Go back to it and try again.");
    asked->may_redirect = true;
    return ERROR_NONE;
}
