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
    bool is_p384 = EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == 384;
    const EVP_MD *hash = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : is_p384 ? EVP_sha384() : EVP_sha256();
    CHECK(EVP_DigestSignInit(context, NULL, hash, NULL, key) == 1 &&
          EVP_DigestSign(context, signature, &len, (unsigned char *)text, data.len + HASH_SIZE) == 1);
    EVP_MD_CTX_free(context);
    return (struct slice){(const char *)signature, len};
}

static struct slice challenge(struct slice client_data, const char *type) {
    const struct slice origins[] = {slice_of(origin), SLICE("https://id.example.org")};
    return webauthn_challenge(&arena, client_data, type, origins, 2);
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
    CHECK(slice_is(challenge(client_data_of("webauthn.get", "https://id.example.org", ""), "webauthn.get"), "abc"));
    static const char *const framed[] = {
        ",\"crossOrigin\":true",
        ",\"crossOrigin\":\"false\"",
        ",\"crossOrigin\":null",
        ",\"crossOrigin\":0",
        ",\"topOrigin\":\"https://evil.example\"",
        ",\"crossOrigin\":false,\"topOrigin\":\"https://id.example.org\"",
        ",\"topOrigin\":null",
    };
    for (size_t i = 0; i < sizeof(framed) / sizeof(*framed); i++)
        CHECK(!slice_is_set(challenge(client_data_of("webauthn.get", origin, framed[i]), "webauthn.get")));
    CHECK(slice_is_set(
        challenge(client_data_of("webauthn.get", origin, ",\"topOrigin\":\"https://id.example\""), "webauthn.get")));
    arena_free(&arena);
}

#define STRANGE_KEY "\xa1\x01\x09" /* of a kind that is none of ours */

static bool reads(struct slice data, struct webauthn_authenticator *authenticator) {
    return webauthn_authenticator_read(&arena, data, slice_of(rp_id), authenticator);
}

static void reads_authenticator_data(void) {
    arena_init(&arena);
    struct webauthn_authenticator got;
    CHECK(reads(data_of(0x05, 0xfffefdfc, SLICE_NONE, ""), &got));
    CHECK(got.user_verified && got.sign_count == 0xfffefdfc && !slice_is_set(got.credential_id));
    CHECK(reads(data_of(0x01, 0, SLICE_NONE, ""), &got) && !got.user_verified && got.sign_count == 0);
    CHECK(reads(data_of(0x81, 0, SLICE_NONE, "\xa1\x61x\xf5"), &got));
    CHECK(!reads(data_of(0x81, 0, SLICE_NONE, "extensions"), &got) && !reads(data_of(0x81, 0, SLICE_NONE, ""), &got));
    CHECK(!reads(data_of(0x81, 0, SLICE_NONE, "\xa1\x61x\xf5more"), &got));
    CHECK(!reads(data_of(0x01, 0, SLICE_NONE, "something"), &got));
    CHECK(!reads(data_of(0x04, 0, SLICE_NONE, ""), &got)); /* nobody there */
    CHECK(!webauthn_authenticator_read(&arena, data_of(0x05, 0, SLICE_NONE, ""), SLICE("example"), &got));
    CHECK(!reads(data_of(0x15, 0, SLICE_NONE, ""), &got)); /* backed up, but not able to be */
    CHECK(reads(data_of(0x1d, 0, SLICE_NONE, ""), &got) && got.is_synced);
    CHECK(reads(data_of(0x0d, 0, SLICE_NONE, ""), &got) && got.is_synced);
    CHECK(reads(data_of(0x05, 0, SLICE_NONE, ""), &got) && !got.is_synced);
    struct slice made = data_of(0x45, 1, SLICE("credential"), STRANGE_KEY);
    CHECK(reads(made, &got) && slice_is(got.credential_id, "credential") && !slice_is_set(got.public_key));
    for (size_t len = 0; len < made.len; len++)
        CHECK(!reads((struct slice){made.at, len}, &got));
    CHECK(reads(data_of(0xc5, 1, SLICE("credential"), STRANGE_KEY "\xa1\x61x\xf5"), &got));
    CHECK(!reads(data_of(0x45, 1, SLICE("credential"), STRANGE_KEY "\xa1\x61x\xf5"), &got));
    CHECK(!reads(data_of(0x45, 1, SLICE(""), STRANGE_KEY), &got));
    char *long_id = arena_alloc(&arena, WEBAUTHN_ID_MAX + 1);
    memset(long_id, 'x', WEBAUTHN_ID_MAX + 1);
    CHECK(reads(data_of(0x45, 1, (struct slice){long_id, WEBAUTHN_ID_MAX}, STRANGE_KEY), &got));
    CHECK(!reads(data_of(0x45, 1, (struct slice){long_id, WEBAUTHN_ID_MAX + 1}, STRANGE_KEY), &got));
    arena_free(&arena);
}

static EVP_PKEY *make(const char *kind) {
    if (strncmp(kind, "RSA", 3) == 0)
        return EVP_RSA_gen((unsigned)atoi(kind + 3));
    if (strcmp(kind, "ED25519") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
}

static void takes_four_kinds_of_keys(void) {
    static const struct {
        const char *kind;
        bool is_ours;
    } kinds[] = {{"P-256", true}, {"ED25519", true}, {"RSA2048", true},
                 {"P-384", true}, {"P-521", false},  {"RSA1024", false}};
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

static void add_member(struct buffer *cose, char key, struct slice bytes) {
    buffer_add_byte(cose, key);
    buffer_add_byte(cose, 0x59);
    buffer_add_byte(cose, (char)(bytes.len >> 8));
    buffer_add_byte(cose, (char)(bytes.len & 0xff));
    buffer_add(cose, bytes);
}

static struct slice number_of(const EVP_PKEY *key, const char *name) {
    BIGNUM *number = NULL;
    CHECK(EVP_PKEY_get_bn_param(key, name, &number) == 1);
    unsigned char *at = arena_alloc(&arena, 512);
    int len = BN_bn2bin(number, at);
    BN_free(number);
    return (struct slice){(const char *)at, (size_t)len};
}

/* Its kind, algorithm and curve, and its numbers. */
static struct slice cose_of(const EVP_PKEY *key, struct slice kind) {
    struct buffer cose = buffer_in(&arena);
    buffer_add(&cose, kind);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        add_member(&cose, 0x20, number_of(key, OSSL_PKEY_PARAM_RSA_N));
        add_member(&cose, 0x21, number_of(key, OSSL_PKEY_PARAM_RSA_E));
        return buffer_slice(&cose);
    }
    unsigned char *point = arena_alloc(&arena, 200);
    size_t len = 200;
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) {
        CHECK(EVP_PKEY_get_raw_public_key(key, point, &len) == 1);
        add_member(&cose, 0x21, (struct slice){(const char *)point, len});
        return buffer_slice(&cose);
    }
    CHECK(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, 200, &len) == 1);
    add_member(&cose, 0x21, (struct slice){(const char *)point + 1, len / 2});
    add_member(&cose, 0x22, (struct slice){(const char *)point + 1 + len / 2, len / 2});
    return buffer_slice(&cose);
}

static struct slice attested_key(struct slice cose) {
    struct slice rest = cose, key = SLICE("left");
    CHECK(cose_key_read(&arena, &rest, &key) && rest.len == 0);
    return key;
}

static void reads_cose_keys(void) {
    static const struct {
        const char *type;
        struct slice kind;
    } kinds[] = {{"P-256", {"\xa5\x01\x02\x03\x26\x20\x01", 7}},
                 {"P-384", {"\xa5\x01\x02\x03\x38\x22\x20\x02", 8}},
                 {"ED25519", {"\xa4\x01\x01\x03\x27\x20\x06", 7}},
                 {"RSA2048", {"\xa4\x01\x03\x03\x39\x01\x00", 7}}};
    enum { KINDS = sizeof(kinds) / sizeof(*kinds) };
    arena_init(&arena);
    for (size_t i = 0; i < KINDS; i++) {
        EVP_PKEY *key = make(kinds[i].type);
        struct slice cose = cose_of(key, kinds[i].kind), rest;
        CHECK(slice_equal(attested_key(cose), der_of(key))); /* what a browser gives out */
        for (size_t len = 0; len < cose.len; len++) {
            struct slice got;
            rest = (struct slice){cose.at, len};
            CHECK(!cose_key_read(&arena, &rest, &got) && !slice_is_set(got));
        }
        EVP_PKEY_free(key);
    }
    EVP_PKEY *key = make("P-256");
    CHECK(!slice_is_set(attested_key(cose_of(key, kinds[1].kind))));
    CHECK(!slice_is_set(attested_key(cose_of(key, SLICE("\xa4\x01\x02\x03\x26")))));             /* no curve */
    CHECK(!slice_is_set(attested_key(cose_of(key, SLICE("\xa5\x01\x02\x03\x26\x20\x02")))));     /* another's */
    CHECK(!slice_is_set(attested_key(cose_of(key, SLICE("\xa5\x01\x02\x03\x27\x20\x01")))));     /* another algorithm */
    CHECK(!slice_is_set(attested_key(SLICE("\xa5\x01\x02\x03\x26\x20\x01\x21\x41x\x22\x41y")))); /* short */
    CHECK(
        !slice_is_set(attested_key(SLICE("\xa4\x01\x03\x03\x39\x01\x00\x20\x42\x00n\x21\x41\x03")))); /* 00 in front */
    CHECK(!slice_is_set(attested_key(SLICE("\xa4\x01\x03\x03\x39\x01\x00\x20\x40\x21\x41\x03"))));    /* empty */
    struct slice twice = SLICE("\xa2\x01\x02\x01\x02"), got;
    CHECK(!cose_key_read(&arena, &twice, &got));
    static const char zero[32]; /* a point of small order */
    struct buffer small = buffer_in(&arena);
    buffer_add(&small, SLICE("\xa4\x01\x01\x03\x27\x20\x06"));
    add_member(&small, 0x21, (struct slice){zero, sizeof(zero)});
    CHECK(slice_is_set(attested_key(buffer_slice(&small))) &&
          !webauthn_key_is_valid(attested_key(buffer_slice(&small))));
    struct slice cose = cose_of(key, SLICE("\xa5\x01\x02\x03\x26\x20\x01"));
    char *off = arena_alloc(&arena, cose.len);
    memcpy(off, cose.at, cose.len);
    off[cose.len - 1] ^= 1; /* not on the curve */
    CHECK(!webauthn_key_is_valid(attested_key((struct slice){off, cose.len})));
    EVP_PKEY_free(key);
    arena_free(&arena);
}

static void reads_attestation_objects(void) {
    arena_init(&arena);
    static const char whole[] = "\xa3"
                                "\x63"
                                "fmt"
                                "\x64"
                                "none"
                                "\x67"
                                "attStmt"
                                "\xa0"
                                "\x68"
                                "authData"
                                "\x44"
                                "data";
    struct slice object = {whole, sizeof(whole) - 1};
    CHECK(slice_is(webauthn_attested_data(object), "data"));
    for (size_t len = 0; len < object.len; len++)
        CHECK(!slice_is_set(webauthn_attested_data((struct slice){whole, len})));
    CHECK(slice_is(webauthn_attested_data(SLICE("\xa4\x61z\x81\xfb--------\x68"
                                                "authData\x44"
                                                "data\x63"
                                                "fmt\x61x\x67"
                                                "attStmt\xa1\x63"
                                                "x5c\x82\x41"
                                                "a\x42"
                                                "bc")),
                   "data"));
    static const struct slice wrong[] = {
        {"", 0},
        {"\xa0", 1},
        {"\xa2\x67"
         "attStmt\xa0\x68"
         "authData\x44"
         "data",
         24},
        {"\xa2\x63"
         "fmt\x64none\x68"
         "authData\x44"
         "data",
         24},
        {"\xa3\x63"
         "fmt\x01\x67"
         "attStmt\xa0\x68"
         "authData\x44"
         "data",
         29},
        {"\xa3\x63"
         "fmt\x61x\x67"
         "attStmt\xa0\x68"
         "authData\x64"
         "data",
         30},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        CHECK(!slice_is_set(webauthn_attested_data(wrong[i])));
    struct buffer more = buffer_in(&arena);
    buffer_add(&more, object);
    buffer_add_byte(&more, 0);
    CHECK(!slice_is_set(webauthn_attested_data(buffer_slice(&more))));
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
    RUN(takes_four_kinds_of_keys);
    RUN(reads_cose_keys);
    RUN(reads_attestation_objects);
    RUN(takes_no_exponent_that_is_slow);
    RUN(sees_every_flipped_bit);
    return unit_end();
}
