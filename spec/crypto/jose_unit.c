#include "../../engine/crypto/jose_key.c"
#include "../../engine/crypto/jwk.c"
#include "../../engine/crypto/jws.c"

#include "../unit/unit.h"
#include "jose_vectors.h"

#include <pthread.h>

static struct arena arena;
static struct jose_key *keys[JOSE_ALGS]; /* one for each algorithm; RSA's two are of their own */

static const struct value *json(const char *text) {
    const struct value *value = json_parse(&arena, slice_of(text), NULL);
    CHECK(value);
    return value;
}

static struct jose_key *jwk_key(const char *text) {
    return jose_key_from_jwk(json(text));
}

static bool is_jwk(const char *text) {
    struct jose_key *key = jwk_key(text);
    jose_key_free(key);
    return key;
}

static struct slice b64(const void *bytes, size_t len) {
    return base64url_encode(&arena, (struct slice){bytes, len});
}

static struct slice token_of(const char *header, const char *payload, const char *signature) {
    struct slice first = base64url_encode(&arena, slice_of(header)),
                 second = base64url_encode(&arena, slice_of(payload));
    return arena_printf(&arena, "%.*s.%.*s.%s", SLICE_ARG(first), SLICE_ARG(second), signature);
}

static bool parses(struct slice text) {
    struct jws jws;
    return jws_parse(&arena, text, &jws);
}

static bool header_parses(const char *header) {
    return parses(token_of(header, "{}", "AAAA"));
}

static bool verifies(struct slice text, const struct jose_key *key) {
    struct jws jws;
    return jws_parse(&arena, text, &jws) && jws_verify(&jws, key);
}

static struct slice signed_by(enum jose_alg alg) {
    struct slice header =
        arena_printf(&arena, "{\"alg\":\"%s\",\"kid\":\"k1\",\"typ\":\"at+jwt\"}", jose_alg_name(alg));
    return jws_sign(&arena, keys[alg], alg, header, SLICE("{\"sub\":\"alice\"}"));
}

/* The token with another signature. */
static struct slice resigned(struct slice token, const unsigned char *signature, size_t len) {
    struct jws jws;
    CHECK(jws_parse(&arena, token, &jws));
    struct slice text = b64(signature, len);
    return arena_printf(&arena, "%.*s.%.*s", SLICE_ARG(jws.signing_input), SLICE_ARG(text));
}

static struct jose_key *ed25519_of(const char *d) {
    char der[16 + ED25519_SIZE] = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    memcpy(der + 16, base64url_decode(&arena, slice_of(d)).at, ED25519_SIZE);
    return jose_key_from_der(JOSE_EDDSA, (struct slice){der, sizeof(der)});
}

static struct jose_key *rsa_of(const char *n, const char *d) {
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM params[] = {number_param(&arena, OSSL_PKEY_PARAM_RSA_N, base64url_decode(&arena, slice_of(n))),
                           number_param(&arena, OSSL_PKEY_PARAM_RSA_E, SLICE("\1\0\1")),
                           number_param(&arena, OSSL_PKEY_PARAM_RSA_D, base64url_decode(&arena, slice_of(d))),
                           OSSL_PARAM_construct_end()};
    CHECK(EVP_PKEY_fromdata_init(context) == 1);
    CHECK(EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_KEYPAIR, params) == 1);
    EVP_PKEY_CTX_free(context);
    return jose_key_new(JOSE_RSA, pkey, true);
}

static void rfc7515_rs256(void) {
    struct jose_key *public = jwk_key(RFC7515_RSA_JWK), *private = rsa_of(RFC7515_RSA_N, RFC7515_RSA_D);
    struct jws jws;
    CHECK(jws_parse(&arena, SLICE(RFC7515_RS256), &jws));
    CHECK(jws.alg == JOSE_RS256 && !slice_is_set(jws.kid) && !slice_is_set(jws.typ));
    CHECK(slice_is(value_get_text(jws.payload, "iss"), "joe"));
    CHECK(public && jws_verify(&jws, public));
    struct slice payload = base64url_decode(&arena, SLICE(RFC7515_PAYLOAD));
    struct slice text = jws_sign(&arena, private, JOSE_RS256, SLICE("{\"alg\":\"RS256\"}"), payload);
    CHECK(slice_is(text, RFC7515_RS256));
    jose_key_free(public);
    jose_key_free(private);
}

static void rfc7515_es256(void) {
    struct jose_key *key = jwk_key(RFC7515_EC_JWK), *other = jwk_key(RFC8037_JWK);
    CHECK(verifies(SLICE(RFC7515_ES256), key));
    CHECK(!verifies(SLICE(RFC7515_ES256), other) && !verifies(SLICE(RFC7515_ES256), keys[JOSE_ES256]));
    jose_key_free(key);
    jose_key_free(other);
}

static void rfc8037_eddsa(void) {
    struct jose_key *private = ed25519_of(RFC8037_D), *public = jwk_key(RFC8037_JWK);
    struct slice text = jws_sign(&arena, private, JOSE_EDDSA, SLICE("{\"alg\":\"EdDSA\"}"), SLICE(RFC8037_PAYLOAD));
    CHECK(slice_is(text, RFC8037_EDDSA));
    CHECK(slice_is(value_get_text(jose_key_public(&arena, private), "x"), RFC8037_X));
    CHECK(slice_is(jose_thumbprint(&arena, json(RFC8037_JWK)), RFC8037_THUMBPRINT));
    CHECK(!parses(text)); /* its payload is no JSON */
    struct jws jws = {.alg = JOSE_EDDSA};
    jws.signing_input = (struct slice){text.at, text.len - 1 - 86};
    jws.signature = base64url_decode(&arena, slice_from(text, text.len - 86));
    CHECK(jws_verify(&jws, public) && jws_verify(&jws, private));
    jose_key_free(private);
    jose_key_free(public);
}

static void rfc7638_thumbprint(void) {
    CHECK(slice_is(jose_thumbprint(&arena, json(RFC7638_JWK)), RFC7638_THUMBPRINT));
    CHECK(!slice_is_set(jose_thumbprint(&arena, json("{\"kty\":\"oct\",\"k\":\"AAAA\"}"))));
    CHECK(!slice_is_set(jose_thumbprint(&arena, json("{}"))) && !slice_is_set(jose_thumbprint(&arena, json("[]"))));
    CHECK(!slice_is_set(jose_thumbprint(&arena, NULL)));
    CHECK(!slice_is_set(jose_thumbprint(&arena, json("{\"kty\":\"RSA\",\"n\":\"AAAA\",\"e\":\"AQAB\"}"))));
    CHECK(!slice_is_set(jose_thumbprint(&arena, json("{\"kty\":\"RSA\",\"n\":\"gQ\",\"e\":3}"))));
    CHECK(!slice_is_set(jose_thumbprint(
        &arena, json("{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" RFC7515_EC_X "\",\"y\":\"" RFC7515_EC_Y "\"}"))));
}

static void half_hashes(void) {
    /* OpenID Connect Core appendix A.4. */
    struct slice token = SLICE("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
    CHECK(slice_is(jose_half_hash(&arena, JOSE_RS256, token), "77QmUPtjPfzWtF2AnpK9RQ"));
    CHECK(slice_is(jose_half_hash(&arena, JOSE_ES256, token), "77QmUPtjPfzWtF2AnpK9RQ"));
    CHECK(slice_is(
        jose_half_hash(&arena, JOSE_PS256, SLICE("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk")),
        "LDktKdoQak3Pk0cnXxCltA"));
    /* SHA-512("abc") (FIPS 180-4): ddaf35a1… */
    unsigned char half[32];
    CHECK(hex_decode(SLICE("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"), half, 32));
    CHECK(slice_equal(jose_half_hash(&arena, JOSE_EDDSA, SLICE("abc")), b64(half, 32)));
}

static void names(void) {
    enum jose_alg alg;
    for (int i = 0; i < JOSE_ALGS; i++)
        CHECK(jose_alg_from(slice_of(jose_alg_name((enum jose_alg)i)), &alg) && alg == (enum jose_alg)i);
    static const char *const others[] = {"none",  "None",   "NONE",  "",      "HS256", "HS512",  "RS384", "RS512",
                                         "ES384", "ES256K", "rs256", "eddsa", "Ed448", "RS256 ", "PS512", "RS25"};
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        CHECK(!jose_alg_from(slice_of(others[i]), &alg));
    CHECK(jose_alg_from(SLICE("Ed25519"), &alg) && alg == JOSE_EDDSA);
    CHECK(!jose_alg_from(SLICE_NONE, &alg) && !jose_alg_from((struct slice){"RS256\0", 6}, &alg));
}

static void round_trip(enum jose_alg alg) {
    struct slice text = signed_by(alg), der = jose_key_der(&arena, keys[alg]);
    struct jose_key *again = jose_key_from_der(alg, der);
    struct value *jwk = jose_key_public(&arena, keys[alg]);
    struct jose_key *public = jose_key_from_jwk(jwk);
    struct jws jws;
    CHECK(jws_parse(&arena, text, &jws) && jws.alg == alg);
    CHECK(slice_is(jws.kid, "k1") && slice_is(jws.typ, "at+jwt"));
    CHECK(slice_is(value_get_text(jws.payload, "sub"), "alice"));
    CHECK(again && public && !jose_jwk_is_private(jwk) && jwk->count == (keys[alg]->kind == JOSE_EC ? 4u : 3u));
    CHECK(jws_verify(&jws, keys[alg]) && jws_verify(&jws, again) && jws_verify(&jws, public));
    CHECK(slice_equal(jose_key_der(&arena, again), der) && !slice_is_set(jose_key_der(&arena, public)));
    CHECK(slice_equal(jose_thumbprint(&arena, jose_key_public(&arena, public)), jose_thumbprint(&arena, jwk)));
    CHECK(!slice_is_set(jws_sign(&arena, public, alg, SLICE("{}"), SLICE("{}"))));
    struct slice resigned_text = jws_sign(&arena, again, alg, SLICE("{\"alg\":\"none\"}"), SLICE("{}"));
    CHECK(slice_is_set(resigned_text) && !parses(resigned_text));
    for (int i = 0; i < JOSE_ALGS; i++) {
        enum jose_alg other = (enum jose_alg)i;
        bool fits = keys[other]->kind == keys[alg]->kind;
        struct jose_key *read = jose_key_from_der(other, der);
        CHECK(jose_key_fits(public, other) == fits && (read != NULL) == fits);
        CHECK(slice_is_set(jws_sign(&arena, again, other, SLICE("{}"), SLICE("{}"))) == fits);
        CHECK(i == (int)alg || !jws_verify(&jws, keys[i]));
        jose_key_free(read);
    }
    jose_key_free(again);
    jose_key_free(public);
}

static void every_algorithm_comes_back(void) {
    for (int i = 0; i < JOSE_ALGS; i++)
        round_trip((enum jose_alg)i);
}

/* Thousands of them, so that numbers that begin with zeros are among them. */
static void es256_is_always_64_bytes(void) {
    for (int i = 0; i < 1000; i++) {
        struct arena own;
        struct jws jws;
        arena_init(&own);
        struct slice text = jws_sign(&own, keys[JOSE_ES256], JOSE_ES256, SLICE("{\"alg\":\"ES256\"}"), SLICE("{}"));
        CHECK(jws_parse(&own, text, &jws) && jws.signature.len == 64 && jws_verify(&jws, keys[JOSE_ES256]));
        arena_free(&own);
    }
}

static void refuses_other_forms(void) {
    struct slice good = SLICE(RFC7515_ES256);
    CHECK(parses(good) && !parses(SLICE_NONE) && !parses(SLICE("")) && !parses(SLICE("..")) && !parses(SLICE(".")));
    for (size_t len = 0; len < good.len; len++) {
        struct jws jws;
        if (jws_parse(&arena, (struct slice){good.at, len}, &jws))
            CHECK(jws.signature.len < 64); /* a shorter signature has its form still */
    }
    CHECK(!parses(arena_printf(&arena, "%s.", good.at)) && !parses(arena_printf(&arena, "%s.AAAA", good.at)));
    CHECK(!parses(arena_printf(&arena, ".%s", good.at)) && !parses(arena_printf(&arena, " %s", good.at)));
    CHECK(!parses(arena_printf(&arena, "%s==", good.at)) && !parses(arena_printf(&arena, "%s\n", good.at)));
    CHECK(!parses(SLICE("eyJhbGciOiJFUzI1NiJ9.e30")) && !parses(SLICE("eyJhbGciOiJFUzI1NiJ9.e30.")));
    CHECK(parses(SLICE("eyJhbGciOiJFUzI1NiJ9.e30.AAAA")) && !parses(SLICE("eyJhbGciOiJFUzI1NiJ9.e30=.AAAA")));
    CHECK(!parses(SLICE("eyJhbGciOiJFUzI1NiJ9.e31.AAAA"))); /* a spare bit */
    CHECK(!parses(SLICE("eyJhbGciOiJFUzI1NiJ9..AAAA")) && !parses(SLICE(".e30.AAAA")));
    CHECK(!parses(SLICE("eyJhbGciOiJFUzI1NiJ9.e30.AA+/")) && !parses(SLICE("eyJhbGciOiJFUzI1NiJ9.e30.AA A")));
}

static void refuses_other_headers(void) {
    CHECK(header_parses("{\"alg\":\"ES256\"}") && header_parses("{\"alg\":\"ES256\",\"zip\":1,\"jwk\":{}}"));
    CHECK(!header_parses("{\"alg\":\"none\"}") && !header_parses("{\"alg\":\"HS256\"}") && !header_parses("{}"));
    CHECK(!header_parses("{\"alg\":null}") && !header_parses("{\"alg\":[\"ES256\"]}") && !header_parses("[]"));
    CHECK(!header_parses("\"ES256\"") && !header_parses("{\"alg\":\"ES256\"") && !header_parses(""));
    CHECK(!header_parses("{\"alg\":\"ES256\"}x") && !header_parses("{\"alg\":\"ES256\",\"alg\":\"none\"}"));
    CHECK(!header_parses("{\"alg\":\"ES256\",\"crit\":[\"exp\"]}") &&
          !header_parses("{\"alg\":\"ES256\",\"crit\":[]}"));
    CHECK(!header_parses("{\"alg\":\"ES256\",\"crit\":null}") && !header_parses("{\"alg\":\"ES256\",\"b64\":true}"));
    CHECK(!header_parses("{\"alg\":\"ES256\",\"b64\":false}") &&
          !header_parses("{\"alg\":\"ES256\",\"\\u0063rit\":[]}"));
    CHECK(!header_parses("{\"alg\":\"ES256\",\"kid\":1}") && !header_parses("{\"alg\":\"ES256\",\"typ\":null}"));
    CHECK(header_parses("{\"alg\":\"ES256\",\"kid\":\"\",\"typ\":\"JWT\"}"));
    static const char *const payloads[] = {"[]", "1", "\"x\"", "null", "", "{", "{}{}", "{\"a\":1,\"a\":2}", "\xff"};
    for (size_t i = 0; i < sizeof(payloads) / sizeof(*payloads); i++)
        CHECK(!parses(token_of("{\"alg\":\"ES256\"}", payloads[i], "AAAA")));
}

static void refuses_long_texts(void) {
    struct slice start = SLICE("eyJhbGciOiJFUzI1NiJ9.e30.");
    char *text = arena_alloc(&arena, JWS_LEN_MAX + 4);
    memset(text, 'A', JWS_LEN_MAX + 4);
    memcpy(text, start.at, start.len);
    for (size_t len = JWS_LEN_MAX - 3; len <= JWS_LEN_MAX + 4; len++) /* one character of base64 alone is none */
        CHECK(parses((struct slice){text, len}) == (len <= JWS_LEN_MAX && (len - start.len) % 4 != 1));
}

/* RFC 8725 §2.1: the public key taken for a secret. */
static void refuses_the_public_key_as_a_secret(void) {
    struct jose_key *key = jwk_key(RFC7515_EC_JWK);
    struct slice input = token_of("{\"alg\":\"HS256\"}", "{}", "");
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)RFC7515_EC_JWK, strlen(RFC7515_EC_JWK));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)input.at, input.len - 1);
    crypto_auth_hmacsha256_final(&state, mac);
    struct slice tag = b64(mac, sizeof(mac));
    CHECK(!verifies(arena_printf(&arena, "%.*s%.*s", SLICE_ARG(input), SLICE_ARG(tag)), key));
    jose_key_free(key);
}

/* One signature, called by the other name of its key's kind, or checked by a key of another kind. */
static void refuses_other_algorithms(void) {
    struct jws jws;
    for (int made = 0; made < JOSE_ALGS; made++) {
        CHECK(jws_parse(&arena, signed_by((enum jose_alg)made), &jws) && jws_verify(&jws, keys[made]));
        for (int said = 0; said < JOSE_ALGS; said++) {
            jws.alg = (enum jose_alg)said;
            for (int key = 0; key < JOSE_ALGS; key++)
                CHECK(jws_verify(&jws, keys[key]) == (said == made && key == made));
        }
    }
    /* The header says it, and the signature is of that header. */
    struct slice text =
        jws_sign(&arena, keys[JOSE_RS256], JOSE_RS256, SLICE("{\"alg\":\"PS256\"}"), SLICE("{\"sub\":\"a\"}"));
    CHECK(parses(text) && !verifies(text, keys[JOSE_RS256]));
    text = jws_sign(&arena, keys[JOSE_RS256], JOSE_PS256, SLICE("{\"alg\":\"RS256\"}"), SLICE("{\"sub\":\"a\"}"));
    CHECK(parses(text) && !verifies(text, keys[JOSE_RS256]));
    text = jws_sign(&arena, keys[JOSE_RS256], JOSE_PS256, SLICE("{\"alg\":\"PS256\"}"), SLICE("{\"sub\":\"a\"}"));
    CHECK(verifies(text, keys[JOSE_RS256]) && !verifies(text, keys[JOSE_PS256]));
}

/* RFC 7518 §3.5: one of any other salt is none. */
static void refuses_other_salts(void) {
    static const int salts[] = {0, 20, 31, 33, RSA_PSS_SALTLEN_MAX};
    for (size_t i = 0; i <= sizeof(salts) / sizeof(*salts); i++) {
        int salt = i < sizeof(salts) / sizeof(*salts) ? salts[i] : 32;
        struct slice input = token_of("{\"alg\":\"PS256\"}", "{}", "AAAA");
        unsigned char signature[256];
        size_t len = sizeof(signature);
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        EVP_PKEY_CTX *inner;
        CHECK(EVP_DigestSignInit_ex(context, &inner, "SHA256", NULL, NULL, keys[JOSE_PS256]->pkey, NULL) == 1);
        CHECK(EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) == 1);
        CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, salt) == 1);
        CHECK(EVP_DigestSign(context, signature, &len, (const unsigned char *)input.at, input.len - 5) == 1);
        EVP_MD_CTX_free(context);
        CHECK(verifies(resigned(input, signature, len), keys[JOSE_PS256]) == (salt == 32));
    }
}

static void every_flipped_bit_is_seen(void) {
    for (int alg = 0; alg < JOSE_ALGS; alg++) {
        struct slice text = signed_by((enum jose_alg)alg);
        struct jws jws;
        CHECK(jws_parse(&arena, text, &jws));
        unsigned char *signature = arena_alloc(&arena, jws.signature.len), *input;
        memcpy(signature, jws.signature.at, jws.signature.len);
        struct jws changed = jws;
        changed.signature.at = (const char *)signature;
        for (size_t bit = 0; bit < 8 * jws.signature.len; bit += alg < JOSE_ES256 ? 5 : 1) {
            signature[bit / 8] ^= (unsigned char)(1 << bit % 8);
            CHECK(!jws_verify(&changed, keys[alg]));
            signature[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
        CHECK(jws_verify(&changed, keys[alg]));
        input = arena_alloc(&arena, jws.signing_input.len);
        memcpy(input, jws.signing_input.at, jws.signing_input.len);
        changed.signing_input.at = (const char *)input;
        for (size_t bit = 0; bit < 8 * jws.signing_input.len; bit += 3) {
            input[bit / 8] ^= (unsigned char)(1 << bit % 8);
            CHECK(!jws_verify(&changed, keys[alg]));
            input[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
        CHECK(jws_verify(&changed, keys[alg]));
    }
}

static void refuses_other_signature_lengths(void) {
    for (int alg = 0; alg < JOSE_ALGS; alg++) {
        struct jws jws;
        CHECK(jws_parse(&arena, signed_by((enum jose_alg)alg), &jws));
        size_t len = jws.signature.len;
        char *longer = arena_zalloc(&arena, len + 2);
        memcpy(longer + 1, jws.signature.at, len); /* zeros on both sides */
        for (size_t less = 0; less < len; less += 7) {
            jws.signature = (struct slice){longer + 1, less};
            CHECK(!jws_verify(&jws, keys[alg]));
        }
        jws.signature = (struct slice){longer + 1, len + 1};
        CHECK(!jws_verify(&jws, keys[alg]));
        jws.signature = (struct slice){longer, len + 1};
        CHECK(!jws_verify(&jws, keys[alg]));
        jws.signature = (struct slice){longer + 1, len};
        CHECK(jws_verify(&jws, keys[alg]));
        jws.signature = SLICE_NONE;
        CHECK(!jws_verify(&jws, keys[alg]));
    }
}

#define P256_ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"

/* CVE-2022-21449 and its kin: zero, the order and more. */
static void es256_numbers_are_reduced(void) {
    struct slice text = signed_by(JOSE_ES256);
    struct jws jws;
    unsigned char order[32], edges[5][32] = {{0}}, signature[64];
    CHECK(hex_decode(SLICE(P256_ORDER), order, 32) && jws_parse(&arena, text, &jws));
    memcpy(edges[1], order, 32);
    memcpy(edges[2], order, 32);
    edges[2][31]++;
    memset(edges[3], 0xff, 32);
    edges[4][31] = 1;
    for (int i = 0; i < 25; i++) {
        memcpy(signature, edges[i / 5], 32);
        memcpy(signature + 32, edges[i % 5], 32);
        CHECK(!verifies(resigned(text, signature, 64), keys[JOSE_ES256]));
    }
    for (int i = 0; i < 10; i++) {
        memcpy(signature, jws.signature.at, 64);
        memcpy(signature + (i < 5 ? 0 : 32), edges[i % 5], 32);
        CHECK(!verifies(resigned(text, signature, 64), keys[JOSE_ES256]));
    }
}

/* RFC 8032 §5.1.7: s + L is the same scalar, and no other spelling of it may pass; nor may the high bits. */
static void eddsa_scalar_is_reduced(void) {
    static const unsigned char order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                            0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    struct slice text = signed_by(JOSE_EDDSA);
    struct jws jws;
    unsigned char signature[64];
    CHECK(jws_parse(&arena, text, &jws));
    memcpy(signature, jws.signature.at, 64);
    for (int times = 0; times < 7; times++) { /* up to 2^255 */
        unsigned carry = 0;
        for (int i = 0; i < 32; i++) {
            carry += (unsigned)signature[32 + i] + order[i];
            signature[32 + i] = (unsigned char)carry;
            carry >>= 8;
        }
        CHECK(!verifies(resigned(text, signature, 64), keys[JOSE_EDDSA]));
    }
    memcpy(signature, jws.signature.at, 64);
    for (int bit = 5; bit < 8; bit++) {
        signature[63] = (unsigned char)(jws.signature.at[63] | 1 << bit);
        CHECK(!verifies(resigned(text, signature, 64), keys[JOSE_EDDSA]));
    }
}

/* The signature's number plus the modulus, where that still fits its length. */
static void rsa_number_is_below_the_modulus(void) {
    struct jose_key *key = rsa_of(RFC7515_RSA_N, RFC7515_RSA_D);
    struct slice n = base64url_decode(&arena, SLICE(RFC7515_RSA_N));
    int tried = 0;
    for (int i = 0; i < 16; i++) {
        struct jws jws;
        struct slice payload = arena_printf(&arena, "{\"i\":%d}", i);
        struct slice text = jws_sign(&arena, key, JOSE_RS256, SLICE("{\"alg\":\"RS256\"}"), payload);
        unsigned char sum[256];
        unsigned carry = 0;
        CHECK(jws_parse(&arena, text, &jws) && jws_verify(&jws, key));
        for (int at = 255; at >= 0; at--) {
            carry += (unsigned)(unsigned char)n.at[at] + (unsigned char)jws.signature.at[at];
            sum[at] = (unsigned char)carry;
            carry >>= 8;
        }
        tried += !carry;
        CHECK(!verifies(resigned(text, sum, sizeof(sum)), key));
    }
    CHECK(tried > 3);
    jose_key_free(key);
    n = base64url_decode(&arena, value_get_text(jose_key_public(&arena, keys[JOSE_RS256]), "n"));
    unsigned char edge[256] = {0};
    CHECK(!verifies(resigned(signed_by(JOSE_RS256), edge, 256), keys[JOSE_RS256]));
    edge[255] = 1; /* 1^e is 1, with any e */
    CHECK(!verifies(resigned(signed_by(JOSE_RS256), edge, 256), keys[JOSE_RS256]));
    memcpy(edge, n.at, 256);
    CHECK(!verifies(resigned(signed_by(JOSE_RS256), edge, 256), keys[JOSE_RS256]));
}

/* An RSA key of that many bits, all of them one. */
static bool is_rsa(size_t bits, const char *e) {
    char *n = arena_alloc(&arena, (bits + 7) / 8);
    memset(n, 0xff, (bits + 7) / 8);
    if (bits % 8)
        n[0] = (char)((1 << bits % 8) - 1);
    struct slice text = b64(n, (bits + 7) / 8);
    return is_jwk(arena_printf(&arena, "{\"kty\":\"RSA\",\"n\":\"%.*s\",\"e\":\"%s\"}", SLICE_ARG(text), e).at);
}

static void rsa_keys_have_their_bounds(void) {
    CHECK(is_rsa(2048, "AQAB") && is_rsa(8192, "AQAB") && is_rsa(2049, "AQAB") && is_rsa(2048, "Aw"));
    CHECK(!is_rsa(1024, "AQAB") && !is_rsa(2047, "AQAB") && !is_rsa(8193, "AQAB") && !is_rsa(16384, "AQAB"));
    CHECK(!is_rsa(2048, "AQ") && !is_rsa(2048, "AA") && !is_rsa(2048, "") && !is_rsa(2048, "Ag")); /* 1 0 - 2 */
    CHECK(!is_rsa(2048, "AQAA") && !is_rsa(2048, "AAEAAQ"));             /* even; a zero before it */
    CHECK(is_rsa(2048, "__________8") && !is_rsa(2048, "Af__________")); /* 2^64 - 1, and more */
    CHECK(!is_rsa(2048, "AQAB=") && !is_rsa(2048, "AQAC") && !is_rsa(2048, "A+AB"));
    CHECK(!is_jwk("{\"kty\":\"RSA\",\"e\":\"AQAB\"}") && !is_jwk("{\"kty\":\"RSA\",\"n\":\"" RFC7515_RSA_N "\"}"));
    CHECK(!is_jwk("{\"kty\":\"RSA\",\"n\":\"" RFC7515_RSA_N "\",\"e\":65537}"));
    CHECK(!is_jwk("{\"kty\":\"rsa\",\"n\":\"" RFC7515_RSA_N "\",\"e\":\"AQAB\"}"));
    CHECK(!is_jwk("{\"kty\":\"RSA\",\"n\":\"AA" RFC7515_RSA_N "\",\"e\":\"AQAB\"}"));
    EVP_PKEY *weak = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
    CHECK(weak && !jose_key_new(JOSE_RSA, weak, true));
}

static struct slice ec_jwk(const char *crv, struct slice x, struct slice y) {
    return arena_printf(&arena, "{\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%.*s\",\"y\":\"%.*s\"}", crv, SLICE_ARG(x),
                        SLICE_ARG(y));
}

static void ec_keys_are_on_the_curve(void) {
    struct slice x = base64url_decode(&arena, SLICE(RFC7515_EC_X)), y = base64url_decode(&arena, SLICE(RFC7515_EC_Y));
    unsigned char bytes[33] = {0};
    CHECK(is_jwk(RFC7515_EC_JWK) && is_jwk(ec_jwk("P-256", b64(x.at, 32), b64(y.at, 32)).at));
    CHECK(!is_jwk(ec_jwk("P-256", b64(y.at, 32), b64(x.at, 32)).at)); /* not on it */
    CHECK(!is_jwk(ec_jwk("P-256", b64(bytes, 32), b64(bytes, 32)).at));
    for (int bit = 0; bit < 256; bit += 5) {
        memcpy(bytes, y.at, 32);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        CHECK(!is_jwk(ec_jwk("P-256", b64(x.at, 32), b64(bytes, 32)).at));
    }
    memset(bytes, 0xff, 32); /* not below the prime */
    CHECK(!is_jwk(ec_jwk("P-256", b64(bytes, 32), b64(y.at, 32)).at));
    bytes[0] = 0;
    memcpy(bytes + 1, x.at, 32); /* RFC 7518 §6.2.1.2: 32 octets, no more and no less */
    CHECK(!is_jwk(ec_jwk("P-256", b64(bytes, 33), b64(y.at, 32)).at));
    CHECK(!is_jwk(ec_jwk("P-256", b64(x.at, 31), b64(y.at, 32)).at));
    CHECK(!is_jwk(ec_jwk("P-384", b64(x.at, 32), b64(y.at, 32)).at));
    CHECK(!is_jwk(ec_jwk("secp256k1", b64(x.at, 32), b64(y.at, 32)).at));
    CHECK(!is_jwk("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC7515_EC_X "\"}"));
    CHECK(!is_jwk("{\"kty\":\"EC\",\"x\":\"" RFC7515_EC_X "\",\"y\":\"" RFC7515_EC_Y "\"}"));
    CHECK(!jose_key_new(JOSE_EC, EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"), true));
    CHECK(!jose_key_new(JOSE_EC, EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1"), true));
    CHECK(!jose_key_new(JOSE_OKP, EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), true));
    CHECK(!jose_key_new(JOSE_OKP, EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), true));
}

static bool is_okp(const char *hex) {
    unsigned char point[32];
    CHECK(hex_decode(slice_of(hex), point, 32));
    struct slice x = b64(point, 32);
    return is_jwk(arena_printf(&arena, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%.*s\"}", SLICE_ARG(x)).at);
}

static void okp_keys_are_points(void) {
    CHECK(is_jwk(RFC8037_JWK) && is_okp("5866666666666666666666666666666666666666666666666666666666666666")); /* B */
    CHECK(!is_okp("0100000000000000000000000000000000000000000000000000000000000000")); /* order 1, 4, 2, 8 */
    CHECK(!is_okp("0000000000000000000000000000000000000000000000000000000000000000"));
    CHECK(!is_okp("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"));
    CHECK(!is_okp("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"));
    CHECK(!is_okp("0200000000000000000000000000000000000000000000000000000000000000")); /* no point */
    CHECK(!is_okp("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")); /* above the prime */
    CHECK(!is_jwk("{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" RFC8037_X "\"}"));
    CHECK(!is_jwk("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" RFC8037_X "\"}"));
    CHECK(!is_jwk("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" RFC8037_X "A\"}"));
    CHECK(!is_jwk("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"\"}"));
    CHECK(!is_jwk("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}") && !is_jwk("{\"kty\":\"EC\",\"crv\":\"Ed25519\"}"));
}

static void private_and_symmetric_keys_are_told(void) {
    static const char *const members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
    CHECK(!jose_jwk_is_private(json(RFC7638_JWK)) && !jose_jwk_is_private(NULL) && !jose_jwk_is_private(json("[]")));
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        struct value *jwk = value_copy(&arena, json(RFC8037_JWK));
        value_set(jwk, slice_of(members[i]), value_null(&arena));
        CHECK(jose_jwk_is_private(jwk) && !jose_key_from_jwk(jwk));
        CHECK(slice_is(jose_thumbprint(&arena, jwk), RFC8037_THUMBPRINT));
    }
    CHECK(!is_jwk("{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ\"}") && !is_jwk("{\"kty\":\"oct\"}"));
    CHECK(!is_jwk("{}") && !is_jwk("[]") && !is_jwk("\"RSA\"") && !jose_key_from_jwk(NULL));
    CHECK(!is_jwk("{\"kty\":1}") && !is_jwk("{\"kty\":null,\"n\":\"AQAB\",\"e\":\"AQAB\"}"));
}

static void refuses_other_ders(void) {
    struct slice der = jose_key_der(&arena, keys[JOSE_ES256]);
    CHECK(!jose_key_from_der(JOSE_ES256, SLICE_NONE) && !jose_key_from_der(JOSE_ES256, SLICE("")));
    for (size_t len = 0; len < der.len; len++)
        CHECK(!jose_key_from_der(JOSE_ES256, (struct slice){der.at, len}));
    char *longer = arena_zalloc(&arena, der.len + 1);
    memcpy(longer, der.at, der.len);
    CHECK(!jose_key_from_der(JOSE_ES256, (struct slice){longer, der.len + 1}));
    EVP_PKEY *weak = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
    struct jose_key fake = {.pkey = weak, .kind = JOSE_RSA, .is_private = true};
    der = jose_key_der(&arena, &fake);
    CHECK(slice_is_set(der) && !jose_key_from_der(JOSE_RS256, der) && !jose_key_from_der(JOSE_EDDSA, der));
    EVP_PKEY_free(weak);
}

/* What fails here must not look like a failure of a TLS connection on the same thread. */
static void leaves_no_error_behind(void) {
    ERR_clear_error();
    refuses_other_ders();
    CHECK(ERR_peek_error() == 0);
    CHECK(!is_jwk(ec_jwk("P-256", SLICE(RFC7515_EC_Y), SLICE(RFC7515_EC_X)).at) && ERR_peek_error() == 0);
    unsigned char zeros[256] = {0};
    for (int alg = 0; alg < JOSE_ALGS; alg++) {
        struct slice text = resigned(signed_by((enum jose_alg)alg), zeros, keys[alg]->signature_size);
        CHECK(!verifies(text, keys[alg]) && ERR_peek_error() == 0);
    }
    ERR_raise(ERR_LIB_USER, 7); /* somebody else's stays */
    CHECK(!verifies(SLICE(RFC7515_ES256), keys[JOSE_ES256]) && ERR_GET_REASON(ERR_peek_last_error()) == 7);
    ERR_clear_error();
}

/* What an endpoint does, on an endpoint's stack. */
static bool fiber_passed;

static void on_fiber(void *argument) {
    (void)argument;
    struct jose_key *public = jwk_key(RFC7515_RSA_JWK);
    fiber_passed = verifies(SLICE(RFC7515_RS256), public);
    for (int alg = 0; alg < JOSE_ALGS; alg++) {
        struct jose_key *again = jose_key_from_jwk(jose_key_public(&arena, keys[alg]));
        fiber_passed &= verifies(signed_by((enum jose_alg)alg), again);
        jose_key_free(again);
    }
    jose_key_free(public);
}

static void works_on_a_fiber(void) {
    CHECK(fiber_start(on_fiber, NULL) && fiber_passed && fiber_count() == 0);
    fiber_pool_drain();
}

static void *sign_and_verify(void *argument) {
    bool *passed = argument;
    *passed = true;
    for (int i = 0; i < 200; i++) {
        struct arena own;
        struct jws jws;
        enum jose_alg alg = (enum jose_alg)(i % JOSE_ALGS);
        arena_init(&own);
        struct slice header = arena_printf(&own, "{\"alg\":\"%s\"}", jose_alg_name(alg));
        struct slice text = jws_sign(&own, keys[alg], alg, header, arena_printf(&own, "{\"i\":%d}", i));
        *passed &= jws_parse(&own, text, &jws) && jws_verify(&jws, keys[alg]);
        *passed &= jose_key_public(&own, keys[alg])->count >= 3;
        arena_free(&own);
    }
    arena_pool_drain();
    return NULL;
}

static void threads_share_a_key(void) {
    pthread_t threads[2];
    bool passed[2];
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, sign_and_verify, &passed[i]) == 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CHECK(passed[0] && passed[1]);
}

int main(void) {
    CHECK(sodium_init() >= 0);
    arena_init(&arena);
    for (int i = 0; i < JOSE_ALGS; i++)
        if (!(keys[i] = jose_key_generate((enum jose_alg)i)))
            return 1;
    RUN(rfc7515_rs256);
    RUN(rfc7515_es256);
    RUN(rfc8037_eddsa);
    RUN(rfc7638_thumbprint);
    RUN(half_hashes);
    RUN(names);
    RUN(every_algorithm_comes_back);
    RUN(es256_is_always_64_bytes);
    RUN(refuses_other_forms);
    RUN(refuses_other_headers);
    RUN(refuses_long_texts);
    RUN(refuses_the_public_key_as_a_secret);
    RUN(refuses_other_algorithms);
    RUN(refuses_other_salts);
    RUN(every_flipped_bit_is_seen);
    RUN(refuses_other_signature_lengths);
    RUN(es256_numbers_are_reduced);
    RUN(eddsa_scalar_is_reduced);
    RUN(rsa_number_is_below_the_modulus);
    RUN(rsa_keys_have_their_bounds);
    RUN(ec_keys_are_on_the_curve);
    RUN(okp_keys_are_points);
    RUN(private_and_symmetric_keys_are_told);
    RUN(refuses_other_ders);
    RUN(leaves_no_error_behind);
    RUN(works_on_a_fiber);
    RUN(threads_share_a_key);
    for (int i = 0; i < JOSE_ALGS; i++)
        jose_key_free(keys[i]);
    arena_free(&arena);
    return unit_end();
}
