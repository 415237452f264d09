#include "checks/client_keys.h"

#include "base/clock.h"
#include "base/json.h"
#include "registry/apps.h"
#include "server/fetch_shared.h"

enum { KEYS_MAX = 16, JWKS_LEN_MAX = 16 * 1024, FRESH_S = 300, AGAIN_S = 10 };

bool client_jwks_are_valid(const struct value *jwks, struct slice *why) {
    const struct value *keys = value_get(jwks, "keys");
    *why = SLICE("jwks must have a list of public keys, one to 16 of them");
    if (!keys || keys->kind != VALUE_LIST || keys->count < 1 || keys->count > KEYS_MAX)
        return false;
    size_t usable = 0;
    for (const struct value *jwk = keys->first; jwk; jwk = jwk->next) {
        if (jwk->kind != VALUE_MAP)
            return false;
        if (jose_jwk_is_private(jwk)) {
            *why = SLICE("jwks holds a private key: make a new one, this one is known now");
            return false;
        }
        struct jose_key *key = jose_key_from_jwk(jwk);
        usable += key != NULL;
        jose_key_free(key);
    }
    *why = SLICE("jwks has no key that is supported: RSA of 2048 bits or more, EC P-256, Ed25519");
    return usable > 0;
}

/* Whether a key's "alg" allows this one (RFC 7517 §4.4). */
static bool is_of_alg(const struct value *jwk, enum jose_alg alg) {
    struct slice name = value_get_text(jwk, "alg");
    enum jose_alg its;
    return !slice_is_set(name) || (jose_alg_from(name, &its) && its == alg);
}

/* With a kid, that key; without, any that fits (RFC 7515 §6). */
static bool set_verifies(const struct value *jwks, const struct jws *jws) {
    const struct value *keys = value_get(jwks, "keys");
    size_t tried = 0;
    for (const struct value *jwk = keys && keys->kind == VALUE_LIST ? keys->first : NULL; jwk; jwk = jwk->next) {
        struct slice kid = value_get_text(jwk, "kid"), use = value_get_text(jwk, "use");
        if (!is_of_alg(jwk, jws->alg) || (slice_is_set(jws->kid) && slice_is_set(kid) && !slice_equal(jws->kid, kid)) ||
            (slice_is_set(use) && !slice_is(use, "sig")) || tried++ == KEYS_MAX)
            continue;
        struct jose_key *key = jose_key_from_jwk(jwk);
        bool is_signed = key && jose_key_fits(key, jws->alg) && jws_verify(jws, key);
        jose_key_free(key);
        if (is_signed)
            return true;
    }
    return false;
}

static bool text_verifies(struct request *request, struct slice text, const struct jws *jws) {
    const struct value *jwks = slice_is_set(text) ? json_parse(request->arena, text, NULL) : NULL;
    return jwks && set_verifies(jwks, jws);
}

static enum error jwks_fetch(struct request *request, struct app *app) {
    struct fetch fetch = {
        .method = "GET",
        .url = app->metadata.jwks_uri,
        .accept = SLICE("application/jwk-set+json, application/json"),
        .answer_max = JWKS_LEN_MAX,
    };
    bool is_own;
    if (!fetch_shared(request->arena, request->service, &fetch, &is_own)) {
        fail_detail(request, "jwks_uri of %.*s: %.*s (status %d)", SLICE_ARG(app->client_id), SLICE_ARG(fetch.why),
                    fetch.status);
        return fail(request, ERROR_INVALID_CLIENT, "The client's jwks_uri did not answer with its keys.");
    }
    if (is_own)
        return app_keep_jwks(request, app, fetch.answer);
    app->metadata.jwks_fetched = fetch.answer; /* whoever has asked keeps it */
    return ERROR_NONE;
}

enum error client_jws_verify(struct request *request, struct app *app, const struct jws *jws) {
    const struct client_metadata *metadata = &app->metadata;
    int64_t age_s = slice_is_set(metadata->jwks_fetched) ? clock_now_s() - metadata->jwks_fetched_at : INT64_MAX;
    if (text_verifies(request, metadata->jwks, jws) ||
        (age_s < FRESH_S && text_verifies(request, metadata->jwks_fetched, jws)))
        return ERROR_NONE;
    /* The key may be a new one; who makes up signatures shall not have us ask all the time. */
    if (slice_is_set(metadata->jwks_uri) && age_s >= AGAIN_S) {
        enum error error = jwks_fetch(request, app);
        if (error)
            return error;
        if (text_verifies(request, metadata->jwks_fetched, jws))
            return ERROR_NONE;
    }
    return fail(request, ERROR_INVALID_CLIENT, "No key of this client has signed the assertion.");
}
