#include "../../engine/crypto/webauthn.c"

#include "../unit/unit.h"

#include <openssl/rsa.h>

static struct arena arena;
static const char origin[] = "https://id.example", rp_id[] = "id.example";

static struct slice der_of(EVP_PKEY *key) {
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    struct slice copy = arena_copy(&arena, (struct slice){(const char *)der, (size_t)len});
    OPENSSL_free(der);
    return copy;
}

static struct slice data_of(unsigned flags, uint32_t count, struct slice credential_id, const char *rest) {
    struct buffer data = buffer_in(&arena);
    unsigned char hash[HASH_SIZE];
    crypto_hash_sha256(hash, (const unsigned char *)rp_id, strlen(rp_id));
    buffer_add(&data, (struct slice){(const char *)hash, HASH_SIZE});
    buffer_add_byte(&data, (char)flags);
    for (int shift = 24; shift >= 0; shift -= 8)
        buffer_add_byte(&data, (char)(count >> shift & 0xff));
    if (slice_is_set(credential_id)) {
        for (int i = 0; i < AAGUID_SIZE; i++)
            buffer_add_byte(&data, 'a');
        buffer_add_byte(&data, (char)(credential_id.len >> 8));
        buffer_add_byte(&data, (char)(credential_id.len & 0xff));
        buffer_add(&data, credential_id);
    }
    buffer_add_text(&data, rest);
    return buffer_slice(&data);
}

static struct slice client_data_of(const char *type, const char *at, const char *more) {
    return arena_printf(&arena, "{\"type\":\"%s\",\"challenge\":\"YWJj\",\"origin\":\"%s\"%s}", type, at, more);
}

static struct slice sign(EVP_PKEY *key, struct slice data, struct slice client_data) {
    char *text = arena_alloc(&arena, data.len + HASH_SIZE);
    memcpy(text, data.at, data.len);
    crypto_hash_sha256((unsigned char *)text + data.len, (const unsigned char *)client_data.at, client_data.len);
    unsigned char *signature = arena_alloc(&arena, 1024);
    size_t len = 1024;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *hash = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
    CHECK(EVP_DigestSignInit(context, NULL, hash, NULL, key) == 1 &&
          EVP_DigestSign(context, signature, &len, (unsigned char *)text, data.len + HASH_SIZE) == 1);
    EVP_MD_CTX_free(context);
    return (struct slice){(const char *)signature, len};
}

static struct slice challenge(struct slice client_data, const char *type) {
    return webauthn_challenge(&arena, client_data, type, slice_of(origin));
}

static void reads_client_data(void) {
    arena_init(&arena);
    CHECK(slice_is(challenge(client_data_of("webauthn.get", origin, ""), "webauthn.get"), "abc"));
    CHECK(slice_is(challenge(client_data_of("webauthn.get", origin, ",\"crossOrigin\":false"), "webauthn.get"), "abc"));
    static const char *const wrong[] = {"{}",         "[]",  "", "1", "null", "{\"type\":\"webauthn.get\"}",
                                        "{\"type\":", "\xff"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        CHECK(!slice_is_set(challenge(slice_of(wrong[i]), "webauthn.get")));
    CHECK(!slice_is_set(challenge(client_data_of("webauthn.create", origin, ""), "webauthn.get")));
    CHECK(!slice_is_set(challenge(client_data_of("webauthn.get", "https://id.example.evil", ""), "webauthn.get")));
    CHECK(!slice_is_set(challenge(client_data_of("webauthn.get", "https://id.example:444", ""), "webauthn.get")));
    static const char *const framed[] = {"true", "\"false\"", "null", "0"};
    for (size_t i = 0; i < sizeof(framed) / sizeof(*framed); i++)
        CHECK(!slice_is_set(
            challenge(client_data_of("webauthn.get", origin,
                                     arena_string(&arena, arena_printf(&arena, ",\"crossOrigin\":%s", framed[i]))),
                      "webauthn.get")));
    arena_free(&arena);
}

static bool reads(struct slice data, struct webauthn_authenticator *authenticator) {
    return webauthn_authenticator_read(data, slice_of(rp_id), authenticator);
}

static void reads_authenticator_data(void) {
    arena_init(&arena);
    struct webauthn_authenticator got;
    CHECK(reads(data_of(0x05, 0xfffefdfc, SLICE_NONE, ""), &got));
    CHECK(got.user_verified && got.sign_count == 0xfffefdfc && !slice_is_set(got.credential_id));
    CHECK(reads(data_of(0x01, 0, SLICE_NONE, ""), &got) && !got.user_verified && got.sign_count == 0);
    CHECK(reads(data_of(0x81, 0, SLICE_NONE, "extensions"), &got));
    CHECK(!reads(data_of(0x01, 0, SLICE_NONE, "something"), &got));
    CHECK(!reads(data_of(0x04, 0, SLICE_NONE, ""), &got)); /* nobody there */
    CHECK(!webauthn_authenticator_read(data_of(0x05, 0, SLICE_NONE, ""), SLICE("example"), &got));
    CHECK(!reads(data_of(0x15, 0, SLICE_NONE, ""), &got)); /* backed up, but not able to be */
    CHECK(reads(data_of(0x1d, 0, SLICE_NONE, ""), &got) && reads(data_of(0x0d, 0, SLICE_NONE, ""), &got));
    struct slice made = data_of(0x45, 1, SLICE("credential"), "key");
    CHECK(reads(made, &got) && slice_is(got.credential_id, "credential"));
    for (size_t len = 0; len < made.len - strlen("key") + 1; len++)
        CHECK(!reads((struct slice){made.at, len}, &got));
    CHECK(!reads(data_of(0x45, 1, SLICE(""), "key"), &got));
    char *long_id = arena_alloc(&arena, WEBAUTHN_ID_MAX + 1);
    memset(long_id, 'x', WEBAUTHN_ID_MAX + 1);
    CHECK(reads(data_of(0x45, 1, (struct slice){long_id, WEBAUTHN_ID_MAX}, "key"), &got));
    CHECK(!reads(data_of(0x45, 1, (struct slice){long_id, WEBAUTHN_ID_MAX + 1}, "key"), &got));
    arena_free(&arena);
}

static EVP_PKEY *make(const char *kind) {
    if (strncmp(kind, "RSA", 3) == 0)
        return EVP_RSA_gen((unsigned)atoi(kind + 3));
    if (strcmp(kind, "ED25519") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
}

static void takes_three_kinds_of_keys(void) {
    static const struct {
        const char *kind;
        bool is_ours;
    } kinds[] = {{"P-256", true}, {"ED25519", true}, {"RSA2048", true}, {"P-384", false}, {"RSA1024", false}};
    arena_init(&arena);
    struct slice data = data_of(0x05, 7, SLICE_NONE, ""), client = client_data_of("webauthn.get", origin, "");
    EVP_PKEY *stranger = make("P-256");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        EVP_PKEY *key = make(kinds[i].kind);
        struct slice der = der_of(key), signature = sign(key, data, client);
        CHECK(webauthn_key_is_valid(der) == kinds[i].is_ours);
        CHECK(webauthn_signature_is_valid(&arena, der, data, client, signature) == kinds[i].is_ours);
        CHECK(!webauthn_signature_is_valid(&arena, der, data, client, sign(stranger, data, client)));
        CHECK(!webauthn_signature_is_valid(&arena, der, data, client, SLICE("")));
        CHECK(!webauthn_signature_is_valid(&arena, der, client, data, signature));
        for (size_t len = 0; len < der.len; len++)
            CHECK(!webauthn_key_is_valid((struct slice){der.at, len}));
        struct buffer longer = buffer_in(&arena);
        buffer_add(&longer, der);
        buffer_add_byte(&longer, 0);
        CHECK(!webauthn_key_is_valid(buffer_slice(&longer)));
        EVP_PKEY_free(key);
    }
    EVP_PKEY_free(stranger);
    CHECK(!webauthn_key_is_valid(SLICE("")) && !webauthn_key_is_valid(SLICE("garbage")));
    arena_free(&arena);
}

static EVP_PKEY *rsa_with(const char *exponent) {
    EVP_PKEY *key = NULL;
    BIGNUM *e = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    CHECK(BN_hex2bn(&e, exponent) && EVP_PKEY_keygen_init(context) == 1 &&
          EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048) == 1 &&
          EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, e) == 1 && EVP_PKEY_generate(context, &key) == 1);
    EVP_PKEY_CTX_free(context);
    BN_free(e);
    return key;
}

static void takes_no_exponent_that_is_slow(void) {
    static const struct {
        const char *exponent;
        bool is_ours;
    } keys[] = {{"3", true}, {"FFFFFFFFFFFFFFC5", true}, {"1000000000000000D", false}};
    arena_init(&arena);
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        EVP_PKEY *key = rsa_with(keys[i].exponent);
        CHECK(webauthn_key_is_valid(der_of(key)) == keys[i].is_ours);
        EVP_PKEY_free(key);
    }
    arena_free(&arena);
}

static void sees_every_flipped_bit(void) {
    arena_init(&arena);
    EVP_PKEY *key = make("P-256");
    struct slice der = der_of(key), data = data_of(0x05, 7, SLICE_NONE, "");
    struct slice client = client_data_of("webauthn.get", origin, ""), signature = sign(key, data, client);
    char *copy = arena_alloc(&arena, data.len);
    for (size_t bit = 0; bit < data.len * 8; bit++) {
        memcpy(copy, data.at, data.len);
        copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
        CHECK(!webauthn_signature_is_valid(&arena, der, (struct slice){copy, data.len}, client, signature));
    }
    CHECK(webauthn_signature_is_valid(&arena, der, data, client, signature));
    EVP_PKEY_free(key);
    arena_free(&arena);
}

int main(void) {
    RUN(reads_client_data);
    RUN(reads_authenticator_data);
    RUN(takes_three_kinds_of_keys);
    RUN(takes_no_exponent_that_is_slow);
    RUN(sees_every_flipped_bit);
    return unit_end();
}
