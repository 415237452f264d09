/* Public keys as JSON (RFC 7517, RFC 7518 §6, RFC 8037 §2), and their thumbprints (RFC 7638). */
#include "crypto/jose_key.h"

#include "base/buffer.h"
#include "base/json.h"
#include "crypto/hex.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <sodium.h>

enum { NUMBERS_MAX = 2, NUMBER_LEN_MAX = (JOSE_RSA_BITS_MAX / 8 * 4 + 2) / 3, EXPONENT_SIZE_MAX = 8 };

/* `members` is what a thumbprint is made of, in its order (RFC 7638 §3.2, RFC 8037 §2); `numbers` those that are
 * base64url, and their size, 0 for as long as need be. */
static const struct {
    const char *kty, *curve;
    const char *members[4];
    const char *numbers[NUMBERS_MAX];
    size_t size;
} kinds[JOSE_KINDS] = {
    [JOSE_RSA] = {"RSA", NULL, {"e", "kty", "n"}, {"n", "e"}, 0},
    [JOSE_EC] = {"EC", "P-256", {"crv", "kty", "x", "y"}, {"x", "y"}, P256_SIZE},
    [JOSE_OKP] = {"OKP", "Ed25519", {"crv", "kty", "x"}, {"x"}, ED25519_SIZE},
};

/* A JWK that has the form of one of the three kinds, its numbers decoded in their order above. */
struct jwk {
    enum jose_kind kind;
    struct slice numbers[NUMBERS_MAX];
};

static bool kind_read(const struct value *jwk, enum jose_kind *kind) {
    struct slice kty = value_get_text(jwk, "kty");
    for (int i = 0; i < JOSE_KINDS; i++)
        if (slice_is(kty, kinds[i].kty)) {
            *kind = (enum jose_kind)i;
            return !kinds[i].curve || slice_is(value_get_text(jwk, "crv"), kinds[i].curve);
        }
    return false;
}

/* One number has one spelling, or one key would have several thumbprints. */
static bool jwk_read(struct arena *arena, const struct value *value, struct jwk *jwk) {
    if (!kind_read(value, &jwk->kind))
        return false;
    size_t size = kinds[jwk->kind].size;
    for (int i = 0; i < NUMBERS_MAX && kinds[jwk->kind].numbers[i]; i++) {
        struct slice text = value_get_text(value, kinds[jwk->kind].numbers[i]);
        if (text.len > NUMBER_LEN_MAX)
            return false;
        struct slice number = jwk->numbers[i] = base64url_decode(arena, text);
        if (!number.len || (size ? number.len != size : number.at[0] == 0))
            return false;
    }
    return true;
}

bool jose_jwk_is_private(const struct value *jwk) {
    static const char *const members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
        if (value_get(jwk, members[i]))
            return true;
    return false;
}

struct slice jose_thumbprint(struct arena *arena, const struct value *value) {
    struct jwk jwk;
    if (!jwk_read(arena, value, &jwk))
        return SLICE_NONE;
    struct value *canonical = value_map(arena);
    const char *const *members = kinds[jwk.kind].members;
    for (int i = 0; i < 4 && members[i]; i++)
        value_set_text(arena, canonical, members[i], value_get_text(value, members[i]));
    struct buffer text = buffer_in(arena);
    json_write(&text, canonical);
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, (const unsigned char *)text.at, text.len);
    return base64url_encode(arena, (struct slice){(const char *)hash, sizeof(hash)});
}

static bool is_odd(struct slice number) {
    return number.at[number.len - 1] & 1;
}

/* What OpenSSL does not ask, or asks too late. A large exponent makes a verification as slow as a signature; its
 * own limit begins above 3072 bits. */
static bool rsa_is_sound(struct slice n, struct slice e) {
    return is_odd(n) && is_odd(e) && e.len <= EXPONENT_SIZE_MAX && !(e.len == 1 && e.at[0] == 1);
}

/* OSSL_PARAM wants integers as the machine has them, little-endian (the build checks). */
static OSSL_PARAM number_param(struct arena *arena, const char *name, struct slice number) {
    unsigned char *native = arena_alloc(arena, number.len);
    for (size_t i = 0; i < number.len; i++)
        native[i] = (unsigned char)number.at[number.len - 1 - i];
    return OSSL_PARAM_construct_BN(name, native, number.len);
}

static EVP_PKEY *pkey_from(const char *type, OSSL_PARAM *params) {
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(context);
    return pkey;
}

static EVP_PKEY *rsa_from(struct arena *arena, struct slice n, struct slice e) {
    if (!rsa_is_sound(n, e))
        return NULL;
    OSSL_PARAM params[] = {number_param(arena, OSSL_PKEY_PARAM_RSA_N, n), number_param(arena, OSSL_PKEY_PARAM_RSA_E, e),
                           OSSL_PARAM_construct_end()};
    return pkey_from("RSA", params);
}

/* OpenSSL refuses a point that is not on the curve; there are no others to refuse (the cofactor is 1), and the
 * uncompressed form (SEC 1 §2.3.3) cannot say infinity. */
static EVP_PKEY *ec_from(struct slice x, struct slice y) {
    unsigned char point[1 + 2 * P256_SIZE] = {POINT_CONVERSION_UNCOMPRESSED};
    char group[] = "prime256v1";
    memcpy(point + 1, x.at, P256_SIZE);
    memcpy(point + 1 + P256_SIZE, y.at, P256_SIZE);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
                           OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
                           OSSL_PARAM_construct_end()};
    return pkey_from("EC", params);
}

/* OpenSSL takes any bytes, and signatures that fit every message can be made for a point of small order. */
static EVP_PKEY *okp_from(struct slice x) {
    const unsigned char *point = (const unsigned char *)x.at;
    if (!crypto_core_ed25519_is_valid_point(point))
        return NULL;
    return EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, point, ED25519_SIZE);
}

struct reading {
    struct arena arena;
    struct jwk jwk;
    struct jose_key *key;
};

static void key_from(void *argument) {
    struct reading *reading = argument;
    const struct slice *numbers = reading->jwk.numbers;
    EVP_PKEY *pkey = NULL;
    if (reading->jwk.kind == JOSE_RSA)
        pkey = rsa_from(&reading->arena, numbers[0], numbers[1]);
    else if (reading->jwk.kind == JOSE_EC)
        pkey = ec_from(numbers[0], numbers[1]);
    else
        pkey = okp_from(numbers[0]);
    reading->key = jose_key_new(reading->jwk.kind, pkey, false);
}

struct jose_key *jose_key_from_jwk(const struct value *jwk) {
    struct reading reading = {.key = NULL};
    if (jose_jwk_is_private(jwk))
        return NULL;
    arena_init(&reading.arena);
    if (jwk_read(&reading.arena, jwk, &reading.jwk))
        jose_hop(key_from, &reading);
    arena_free(&reading.arena);
    return reading.key;
}

struct publishing {
    struct arena *arena;
    const struct jose_key *key;
    struct slice numbers[NUMBERS_MAX];
};

static struct slice number_of(struct publishing *publishing, const char *name) {
    BIGNUM *number = NULL;
    size_t size = kinds[publishing->key->kind].size;
    struct slice bytes = SLICE_NONE;
    if (EVP_PKEY_get_bn_param(publishing->key->pkey, name, &number) == 1) {
        int len = size ? (int)size : BN_num_bytes(number);
        unsigned char *at = arena_alloc(publishing->arena, (size_t)len);
        if (BN_bn2binpad(number, at, len) == len)
            bytes = (struct slice){(const char *)at, (size_t)len};
    }
    BN_free(number);
    return bytes;
}

static void numbers_read(void *argument) {
    struct publishing *publishing = argument;
    if (publishing->key->kind == JOSE_RSA) {
        publishing->numbers[0] = number_of(publishing, OSSL_PKEY_PARAM_RSA_N);
        publishing->numbers[1] = number_of(publishing, OSSL_PKEY_PARAM_RSA_E);
    } else if (publishing->key->kind == JOSE_EC) {
        publishing->numbers[0] = number_of(publishing, OSSL_PKEY_PARAM_EC_PUB_X);
        publishing->numbers[1] = number_of(publishing, OSSL_PKEY_PARAM_EC_PUB_Y);
    } else {
        size_t len = ED25519_SIZE;
        unsigned char *point = arena_alloc(publishing->arena, len);
        if (EVP_PKEY_get_raw_public_key(publishing->key->pkey, point, &len) == 1)
            publishing->numbers[0] = (struct slice){(const char *)point, len};
    }
}

struct value *jose_key_public(struct arena *arena, const struct jose_key *key) {
    struct publishing publishing = {.arena = arena, .key = key};
    jose_hop(numbers_read, &publishing);
    struct value *jwk = value_map(arena);
    value_set_text(arena, jwk, "kty", slice_of(kinds[key->kind].kty));
    if (kinds[key->kind].curve)
        value_set_text(arena, jwk, "crv", slice_of(kinds[key->kind].curve));
    for (int i = 0; i < NUMBERS_MAX && kinds[key->kind].numbers[i]; i++)
        value_set_text(arena, jwk, kinds[key->kind].numbers[i], base64url_encode(arena, publishing.numbers[i]));
    return jwk;
}
