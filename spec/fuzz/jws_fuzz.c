/* Signed texts: as a client assertion, a request object or a DPoP proof, with the key in its header, is read. */
#include "fuzz.h"

#include "../crypto/jose_vectors.h"
#include "base/json.h"
#include "crypto/hex.h"
#include "crypto/jose.h"

static const struct {
    const char *jwk, *signed_text;
} known[] = {{RFC7515_RSA_JWK, RFC7515_RS256}, {RFC7515_EC_JWK, RFC7515_ES256}, {RFC8037_JWK, RFC8037_EDDSA}};
enum { KNOWN = sizeof(known) / sizeof(*known) };

static struct jose_key *key_of(int i) {
    static struct jose_key *keys[KNOWN];
    struct arena arena;
    arena_init(&arena);
    if (!keys[i])
        keys[i] = jose_key_from_jwk(json_parse(&arena, slice_of(known[i].jwk), NULL));
    FUZZ_CHECK(keys[i]);
    arena_free(&arena);
    return keys[i];
}

/* Nobody has these private keys here: what is right is what the RFC signed. */
static void known_check(const struct jws *jws) {
    for (int i = 0; i < KNOWN; i++) {
        struct slice text = slice_of(known[i].signed_text);
        if (jws_verify(jws, key_of(i)))
            FUZZ_CHECK(jose_key_fits(key_of(i), jws->alg) && text.len > jws->signing_input.len &&
                       slice_equal((struct slice){text.at, jws->signing_input.len}, jws->signing_input));
    }
}

/* A key that is taken has one spelling, and comes back as it was. */
static void jwk_check(struct arena *arena, const struct jws *jws, const struct value *jwk) {
    struct slice thumbprint = jose_thumbprint(arena, jwk);
    struct jose_key *key = jose_key_from_jwk(jwk);
    if (!key)
        return;
    FUZZ_CHECK(!jose_jwk_is_private(jwk) && slice_is_set(thumbprint));
    struct value *again = jose_key_public(arena, key);
    FUZZ_CHECK(slice_equal(jose_thumbprint(arena, again), thumbprint));
    for (const struct value *member = again->first; member; member = member->next)
        FUZZ_CHECK(slice_equal(value_get_text(jwk, arena_string(arena, member->name)), member->text));
    FUZZ_CHECK(!slice_is_set(jose_key_der(arena, key)));
    FUZZ_CHECK(!slice_is_set(jws_sign(arena, key, jws->alg, SLICE("{}"), SLICE("{}"))));
    jws_verify(jws, key);
    jose_key_free(key);
}

/* What the parts say, as three lines of plain text: how the fuzzer gets past base64. */
static struct slice encoded(struct arena *arena, struct slice input) {
    struct slice rest = input, parts[3] = {SLICE(""), SLICE(""), SLICE("")};
    for (int i = 0; i < 3 && slice_is_set(rest); i++)
        parts[i] = i < 2 ? slice_cut(&rest, '\n') : rest;
    for (int i = 0; i < 3; i++)
        parts[i] = base64url_encode(arena, parts[i]);
    return arena_printf(arena, "%.*s.%.*s.%.*s", SLICE_ARG(parts[0]), SLICE_ARG(parts[1]), SLICE_ARG(parts[2]));
}

static void text_check(struct arena *arena, struct slice text) {
    struct jws jws;
    if (!jws_parse(arena, text, &jws))
        return;
    FUZZ_CHECK(text.len <= JWS_LEN_MAX && fuzz_is_inside(jws.signing_input, text) && jws.signature.len);
    struct slice signature = base64url_encode(arena, jws.signature);
    FUZZ_CHECK(slice_equal(arena_printf(arena, "%.*s.%.*s", SLICE_ARG(jws.signing_input), SLICE_ARG(signature)), text));
    FUZZ_CHECK(jws.header->kind == VALUE_MAP && jws.payload->kind == VALUE_MAP);
    FUZZ_CHECK(!value_get(jws.header, "crit") && !value_get(jws.header, "b64"));
    struct slice alg = value_get_text(jws.header, "alg"); /* Ed25519 is EdDSA's name of its own (RFC 9864) */
    FUZZ_CHECK(slice_is(alg, jose_alg_name(jws.alg)) || (jws.alg == JOSE_EDDSA && slice_is(alg, "Ed25519")));
    FUZZ_CHECK(fuzz_is_clean(jws.kid) && fuzz_is_clean(jws.typ));
    known_check(&jws);
    if (value_get(jws.header, "jwk"))
        jwk_check(arena, &jws, value_get(jws.header, "jwk"));
}

static void fuzz(struct arena *arena, struct slice input) {
    text_check(arena, input);
    text_check(arena, encoded(arena, input));
}
