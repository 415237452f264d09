#include "endpoints/token_jwt.h"

#include "policy/facts.h"
#include "registry/signing_keys.h"

/* RFC 8176 §2. */
static const struct {
    const char *method, *amr;
} amr_of_methods[] = {
    {"fingerprint", "pwd"}, /* a secret that is known; `fpt` would be a finger */
    {"hotkey", "swk"},      /* a key in software */
    {"passkey", "pop user"}, {"fingerprint+passkey", "pwd pop mfa"}, {"hotkey+passkey", "swk pop mfa"},
};

const char *sign_in_amr(struct slice method) {
    for (size_t i = 0; i < sizeof(amr_of_methods) / sizeof(*amr_of_methods); i++)
        if (slice_is(method, amr_of_methods[i].method))
            return amr_of_methods[i].amr;
    return NULL;
}

static enum jose_alg alg_of(const struct app *app) {
    enum jose_alg alg = JOSE_RS256;
    jose_alg_from(app->metadata.id_token_signed_response_alg, &alg);
    return alg;
}

/* What both have in common. */
static struct value *claims_begin(struct request *request, const struct token_making *making, int64_t now_s,
                                  int64_t expires_at_s) {
    struct arena *arena = request->arena;
    struct value *claims = value_map(arena);
    value_set_text(arena, claims, "iss", request->service->settings->issuer);
    value_set_text(arena, claims, "sub", making->user ? making->user->user_id : making->app->client_id);
    value_set_int(arena, claims, "iat", now_s);
    value_set_int(arena, claims, "exp", expires_at_s);
    return claims;
}

static void add_sign_in(struct arena *arena, struct value *claims, const struct sign_in *sign_in) {
    const char *amr = sign_in_amr(sign_in->method);
    value_set_int(arena, claims, "auth_time", sign_in->at);
    if (amr)
        value_set_value(claims, "amr", names_split(arena, slice_of(amr)));
}

enum error access_jwt_make(struct request *request, const struct token_making *making, struct token_set *set) {
    struct arena *arena = request->arena;
    struct value *claims = claims_begin(request, making, set->now_s, set->access_expires_at_s);
    struct slice issuer = request->service->settings->issuer;
    value_set_value(claims, "aud", names_split(arena, set->audience.len ? set->audience : issuer));
    value_set_text(arena, claims, "client_id", making->app->client_id);
    value_set_text(arena, claims, "jti", arena_copy(arena, slice_of(set->access.id)));
    value_set_text(arena, claims, "scope", names_join(arena, set->scopes));
    if (making->user)
        add_sign_in(arena, claims, &making->user->sign_in);
    if (slice_is_set(set->dpop_jkt)) { /* RFC 9449 §6.1 */
        struct value *cnf = value_map(arena);
        value_set_text(arena, cnf, "jkt", set->dpop_jkt);
        value_set_value(claims, "cnf", cnf);
    }
    if (slice_is_set(making->actor)) { /* RFC 8693 §4.1 */
        struct value *act = value_map(arena);
        value_set_text(arena, act, "sub", making->actor);
        value_set_value(claims, "act", act);
    }
    enum error error;
    set->access_text = jwt_sign(request, alg_of(making->app), "at+jwt", claims, set->access_expires_at_s, &error);
    if (!error)
        secret_hash(request->service->keyring, set->access_text, set->access.hash);
    return error;
}

/* The policy's claims, less those that are the protocol's. */
static enum error add_policy_claims(struct request *request, const struct token_making *making, struct value *claims) {
    struct arena *arena = request->arena;
    struct value *facts = facts_of(request);
    facts_add_user(arena, facts, making->user);
    facts_add_app(arena, facts, making->app);
    value_set_value(facts, "scopes", value_copy(arena, making->scopes));
    facts_add_claims(arena, facts, making->claims);
    const struct value *more = policy_id_token(request->service->policy, arena, facts);
    if (!more)
        return ERROR_POLICY_FAILED;
    static const char *const ours = "aud nonce at_hash sid azp acr amr auth_time c_hash events";
    for (const struct value *claim = more->first; claim; claim = claim->next)
        if (!value_get_slice(claims, claim->name) && !names_hold(slice_of(ours), claim->name))
            value_set(claims, claim->name, value_copy(arena, claim));
    return ERROR_NONE;
}

enum error id_token_make(struct request *request, const struct token_making *making, int64_t lifetime_s,
                         struct token_set *set) {
    struct arena *arena = request->arena;
    enum jose_alg alg = alg_of(making->app);
    int64_t expires_at_s = set->now_s + lifetime_s;
    struct value *claims = claims_begin(request, making, set->now_s, expires_at_s);
    enum error error = add_policy_claims(request, making, claims);
    if (error)
        return error;
    value_set_text(arena, claims, "aud", making->app->client_id);
    add_sign_in(arena, claims, &making->user->sign_in);
    if (slice_is_set(making->nonce))
        value_set_text(arena, claims, "nonce", making->nonce);
    value_set_text(arena, claims, "at_hash", jose_half_hash(arena, alg, set->access_text));
    if (making->session_id.len)
        value_set_text(arena, claims, "sid", making->session_id);
    set->id_token = jwt_sign(request, alg, "JWT", claims, expires_at_s, &error);
    return error;
}
