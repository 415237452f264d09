#include "crypto/webauthn.h"

#include "base/json.h"
#include "crypto/cbor.h"
#include "crypto/cose.h"
#include "crypto/hex.h"
#include "crypto/jose_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/x509.h>
#include <sodium.h>

enum {
    HASH_SIZE = crypto_hash_sha256_BYTES,
    FLAGS_AT = HASH_SIZE,
    COUNT_AT = FLAGS_AT + 1,
    FIXED_SIZE = COUNT_AT + 4,
    AAGUID_SIZE = 16,
    ID_AT = AAGUID_SIZE + 2, /* behind what is fixed */
    RSA_BITS_MIN = 2048,
    RSA_BITS_MAX = 4096,

    FLAG_USER_PRESENT = 0x01,
    FLAG_USER_VERIFIED = 0x04,
    FLAG_BACKUP_ELIGIBLE = 0x08,
    FLAG_BACKED_UP = 0x10,
    FLAG_CREDENTIAL = 0x40,
    FLAG_EXTENSIONS = 0x80,
};

static bool is_one_of(struct slice origin, const struct slice *origins, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (slice_equal(origin, origins[i]))
            return true;
    return false;
}

/* §5.8.1: topOrigin is there in a frame of another origin alone, but not all say so by crossOrigin. */
static bool is_framed(const struct value *said) {
    const struct value *cross = value_get(said, "crossOrigin"), *top = value_get(said, "topOrigin");
    return (cross && !(cross->kind == VALUE_BOOL && !cross->boolean)) ||
           (top && !(top->kind == VALUE_TEXT && slice_equal(top->text, value_get_text(said, "origin"))));
}

struct slice webauthn_challenge(struct arena *arena, struct slice client_data, const char *type,
                                const struct slice *origins, size_t origins_count) {
    struct value *said = client_data.len <= WEBAUTHN_DATA_MAX ? json_parse(arena, client_data, NULL) : NULL;
    if (!said || said->kind != VALUE_MAP || !slice_is(value_get_text(said, "type"), type) ||
        !is_one_of(value_get_text(said, "origin"), origins, origins_count) || is_framed(said))
        return SLICE_NONE;
    return base64url_decode(arena, value_get_text(said, "challenge"));
}

struct slice webauthn_attested_data(struct slice attestation_object) {
    enum { FORMAT, STATEMENT, DATA, MEMBERS };
    struct cbor_member members[MEMBERS] = {
        [FORMAT] = {.name = "fmt"}, [STATEMENT] = {.name = "attStmt"}, [DATA] = {.name = "authData"}};
    struct slice rest = attestation_object;
    if (attestation_object.len > WEBAUTHN_ATTESTATION_MAX || !cbor_read_map(&rest, members, MEMBERS) || rest.len ||
        !members[FORMAT].is_there || members[FORMAT].value.kind != CBOR_TEXT || !members[STATEMENT].is_there ||
        !members[DATA].is_there || members[DATA].value.kind != CBOR_BYTES)
        return SLICE_NONE;
    return members[DATA].value.bytes;
}

/* §6.5.1: an id and its key, from the front of *rest. */
static bool credential_read(struct arena *arena, struct slice *rest, struct webauthn_authenticator *authenticator) {
    const unsigned char *bytes = (const unsigned char *)rest->at;
    if (rest->len < ID_AT)
        return false;
    size_t len = (size_t)bytes[ID_AT - 2] << 8 | bytes[ID_AT - 1];
    if (!len || len > WEBAUTHN_ID_MAX || rest->len - ID_AT < len)
        return false;
    authenticator->credential_id = (struct slice){rest->at + ID_AT, len};
    *rest = slice_from(*rest, ID_AT + len);
    return cose_key_read(arena, rest, &authenticator->public_key);
}

bool webauthn_authenticator_read(struct arena *arena, struct slice data, struct slice rp_id,
                                 struct webauthn_authenticator *authenticator) {
    unsigned char hash[HASH_SIZE];
    const unsigned char *bytes = (const unsigned char *)data.at;
    if (data.len < FIXED_SIZE || data.len > WEBAUTHN_DATA_MAX)
        return false;
    crypto_hash_sha256(hash, (const unsigned char *)rp_id.at, rp_id.len);
    unsigned flags = bytes[FLAGS_AT];
    if (memcmp(bytes, hash, HASH_SIZE) != 0 || !(flags & FLAG_USER_PRESENT) ||
        (flags & FLAG_BACKED_UP && !(flags & FLAG_BACKUP_ELIGIBLE)))
        return false;
    *authenticator = (struct webauthn_authenticator){
        .user_verified = flags & FLAG_USER_VERIFIED,
        .is_synced = flags & FLAG_BACKUP_ELIGIBLE,
        .sign_count = (uint32_t)bytes[COUNT_AT] << 24 | (uint32_t)bytes[COUNT_AT + 1] << 16 |
                      (uint32_t)bytes[COUNT_AT + 2] << 8 | bytes[COUNT_AT + 3],
    };
    struct slice rest = slice_from(data, FIXED_SIZE);
    if (flags & FLAG_CREDENTIAL && !credential_read(arena, &rest, authenticator))
        return false;
    return (!(flags & FLAG_EXTENSIONS) || cbor_read_map(&rest, NULL, 0)) && rest.len == 0;
}

/* --- OpenSSL --- */

/* A large exponent makes a verification as slow as a signature (see jwk.c). */
static bool rsa_is_sound(const EVP_PKEY *key) {
    enum { EXPONENT_BITS_MAX = 64 };
    BIGNUM *e = NULL;
    int bits = EVP_PKEY_get_bits(key);
    bool is_sound = bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX &&
                    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_odd(e) && BN_num_bits(e) > 1 &&
                    BN_num_bits(e) <= EXPONENT_BITS_MAX;
    BN_free(e);
    return is_sound;
}

static EVP_PKEY *key_read(struct slice public_key) {
    const unsigned char *der = (const unsigned char *)public_key.at;
    if (!public_key.len || public_key.len > WEBAUTHN_KEY_MAX)
        return NULL;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)public_key.len);
    char group[16] = "";
    unsigned char point[crypto_core_ed25519_BYTES];
    size_t point_len = sizeof(point);
    bool is_ours = false;
    switch (key && (const char *)der == public_key.at + public_key.len ? EVP_PKEY_get_base_id(key) : 0) {
    case EVP_PKEY_EC:
        is_ours = EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
                  (strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0);
        break;
    case EVP_PKEY_ED25519: /* see jwk.c: OpenSSL takes any bytes */
        is_ours = EVP_PKEY_get_raw_public_key(key, point, &point_len) == 1 && crypto_core_ed25519_is_valid_point(point);
        break;
    case EVP_PKEY_RSA:
        is_ours = rsa_is_sound(key);
        break;
    default:
        break;
    }
    if (is_ours)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

struct verifying {
    struct slice public_key, text, signature;
    bool is_right;
};

static void key_check(void *argument) {
    struct verifying *verifying = argument;
    EVP_PKEY *key = key_read(verifying->public_key);
    verifying->is_right = key;
    EVP_PKEY_free(key);
}

/* RFC 9053 §2.1, §2.2; RFC 8812 §2. */
static const EVP_MD *hash_of(const EVP_PKEY *key) {
    enum { P384_BITS = 384 };
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519)
        return NULL;
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == P384_BITS ? EVP_sha384()
                                                                                           : EVP_sha256();
}

static void signature_check(void *argument) {
    struct verifying *verifying = argument;
    EVP_PKEY *key = key_read(verifying->public_key);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    verifying->is_right =
        key && context && EVP_DigestVerifyInit(context, NULL, hash_of(key), NULL, key) == 1 &&
        EVP_DigestVerify(context, (const unsigned char *)verifying->signature.at, verifying->signature.len,
                         (const unsigned char *)verifying->text.at, verifying->text.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
}

bool webauthn_key_is_valid(struct slice public_key) {
    struct verifying verifying = {.public_key = public_key};
    jose_hop(key_check, &verifying);
    return verifying.is_right;
}

bool webauthn_signature_is_valid(struct arena *arena, struct slice public_key, struct slice authenticator_data,
                                 struct slice client_data, struct slice signature) {
    char *text = arena_alloc(arena, authenticator_data.len + HASH_SIZE);
    memcpy(text, authenticator_data.at, authenticator_data.len);
    crypto_hash_sha256((unsigned char *)text + authenticator_data.len, (const unsigned char *)client_data.at,
                       client_data.len);
    struct verifying verifying = {public_key, {text, authenticator_data.len + HASH_SIZE}, signature, false};
    if (signature.len)
        jose_hop(signature_check, &verifying);
    return verifying.is_right;
}
