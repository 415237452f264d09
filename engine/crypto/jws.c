/* Compact signatures (RFC 7515). */
#include "crypto/jose_key.h"

#include "base/buffer.h"
#include "base/json.h"
#include "crypto/hex.h"

#include <openssl/ec.h>
#include <openssl/sha.h>
#include <sodium.h>

enum {
    SIGNATURE_SIZE_MAX = JOSE_RSA_BITS_MAX / 8,
    ES256_DER_MAX = 72 /* SEQUENCE of two INTEGERs of up to 33 bytes: 2 + 2 * (2 + 33) */
};

/* OpenSSL writes an ECDSA signature as DER (RFC 3279 §2.2.3), JWS as two numbers of fixed size (RFC 7518 §3.4). */
static bool es256_from_der(const unsigned char *der, size_t len, unsigned char *out) {
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &der, (long)len);
    bool done = numbers && BN_bn2binpad(ECDSA_SIG_get0_r(numbers), out, P256_SIZE) == P256_SIZE &&
                BN_bn2binpad(ECDSA_SIG_get0_s(numbers), out + P256_SIZE, P256_SIZE) == P256_SIZE;
    ECDSA_SIG_free(numbers);
    return done;
}

/* The length of the DER; 0: failed. That r and s are above zero and below the order, OpenSSL asks. */
static size_t es256_to_der(struct slice signature, unsigned char der[ES256_DER_MAX]) {
    const unsigned char *bytes = (const unsigned char *)signature.at;
    ECDSA_SIG *numbers = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes, P256_SIZE, NULL), *s = BN_bin2bn(bytes + P256_SIZE, P256_SIZE, NULL);
    int len = 0;
    if (numbers && r && s && ECDSA_SIG_set0(numbers, r, s) == 1) {
        len = i2d_ECDSA_SIG(numbers, &der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(numbers);
    return len > 0 ? (size_t)len : 0;
}

struct signing {
    const struct jose_key *key;
    enum jose_alg alg;
    struct slice input;
    unsigned char *signature; /* SIGNATURE_SIZE_MAX */
    bool done;
};

static void sign(void *argument) {
    struct signing *signing = argument;
    unsigned char der[ES256_DER_MAX], *out = signing->alg == JOSE_ES256 ? der : signing->signature;
    size_t len = signing->alg == JOSE_ES256 ? sizeof(der) : SIGNATURE_SIZE_MAX;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    signing->done =
        context && EVP_MD_CTX_copy_ex(context, signing->key->signers[signing->alg]) == 1 &&
        EVP_DigestSign(context, out, &len, (const unsigned char *)signing->input.at, signing->input.len) == 1 &&
        (signing->alg == JOSE_ES256 ? es256_from_der(der, len, signing->signature)
                                    : len == signing->key->signature_size);
    EVP_MD_CTX_free(context);
}

static void add_encoded(struct buffer *text, struct slice bytes) {
    const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
    size_t size = sodium_base64_encoded_len(bytes.len, variant);
    sodium_bin2base64(buffer_reserve(text, size), size, (const unsigned char *)bytes.at, bytes.len, variant);
    text->len += size - 1;
}

struct slice jws_sign(struct arena *arena, const struct jose_key *key, enum jose_alg alg, struct slice header,
                      struct slice payload) {
    if (!key->is_private || !jose_key_fits(key, alg))
        return SLICE_NONE;
    struct buffer text = buffer_in(arena);
    buffer_reserve(&text, (header.len + payload.len + key->signature_size) / 3 * 4 + 16); /* once for all */
    add_encoded(&text, header);
    buffer_add_byte(&text, '.');
    add_encoded(&text, payload);
    struct signing signing = {
        .key = key, .alg = alg, .input = buffer_slice(&text), .signature = arena_alloc(arena, SIGNATURE_SIZE_MAX)};
    jose_hop(sign, &signing);
    if (!signing.done)
        return SLICE_NONE;
    buffer_add_byte(&text, '.');
    add_encoded(&text, (struct slice){(const char *)signing.signature, key->signature_size});
    return buffer_slice(&text);
}

/* A part that is the base64url of a JSON object; NULL when it is not. */
static const struct value *object_read(struct arena *arena, struct slice part) {
    struct slice text = base64url_decode(arena, part);
    struct value *value = text.len ? json_parse(arena, text, NULL) : NULL;
    return value && value->kind == VALUE_MAP ? value : NULL;
}

/* A member that must be a text, if it is there. */
static bool text_read(const struct value *map, const char *name, struct slice *text) {
    const struct value *member = value_get(map, name);
    *text = member && member->kind == VALUE_TEXT ? member->text : SLICE_NONE;
    return !member || member->kind == VALUE_TEXT;
}

static bool header_read(struct jws *jws) {
    /* RFC 7515 §4.1.11, RFC 8725 §3.10: no extension is understood here, so none may be critical; RFC 7797 would
     * change what is signed. */
    if (value_get(jws->header, "crit") || value_get(jws->header, "b64"))
        return false;
    return jose_alg_from(value_get_text(jws->header, "alg"), &jws->alg) && text_read(jws->header, "kid", &jws->kid) &&
           text_read(jws->header, "typ", &jws->typ);
}

bool jws_parse(struct arena *arena, struct slice text, struct jws *jws) {
    if (!slice_is_set(text) || text.len > JWS_LEN_MAX)
        return false;
    struct slice rest = text;
    struct slice header = slice_cut(&rest, '.');
    struct slice payload = slice_is_set(rest) ? slice_cut(&rest, '.') : SLICE_NONE;
    struct slice signature = rest; /* a fourth part would bring a dot into it, and that is no base64url */
    if (!header.len || !payload.len || !signature.len)
        return false;
    jws->signing_input = (struct slice){text.at, (size_t)(payload.at + payload.len - text.at)};
    jws->signature = base64url_decode(arena, signature);
    jws->header = jws->signature.len ? object_read(arena, header) : NULL;
    if (!jws->header || !header_read(jws))
        return false;
    jws->payload = object_read(arena, payload);
    return jws->payload;
}

struct verifying {
    const struct jws *jws;
    const struct jose_key *key;
    bool is_right;
};

static void verify(void *argument) {
    struct verifying *verifying = argument;
    const struct jws *jws = verifying->jws;
    struct slice signature = jws->signature;
    unsigned char der[ES256_DER_MAX];
    if (jws->alg == JOSE_ES256)
        signature = (struct slice){(const char *)der, es256_to_der(jws->signature, der)};
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    verifying->is_right = context && signature.len &&
                          jose_context_init(context, jws->alg, verifying->key->pkey, false) &&
                          EVP_DigestVerify(context, (const unsigned char *)signature.at, signature.len,
                                           (const unsigned char *)jws->signing_input.at, jws->signing_input.len) == 1;
    EVP_MD_CTX_free(context);
}

bool jws_verify(const struct jws *jws, const struct jose_key *key) {
    struct verifying verifying = {.jws = jws, .key = key};
    if (jose_key_fits(key, jws->alg) && jws->signature.len == key->signature_size)
        jose_hop(verify, &verifying);
    return verifying.is_right;
}

bool jwt_time_read(const struct value *claims, const char *name, int64_t otherwise, int64_t *time_s) {
    const struct value *time = value_get(claims, name);
    *time_s = otherwise;
    if (!time)
        return true;
    if (time->kind != VALUE_INT && time->kind != VALUE_REAL)
        return false;
    double real = time->kind == VALUE_INT ? (double)time->integer : time->real;
    *time_s = real >= (double)JWT_TIME_MAX    ? JWT_TIME_MAX
              : real <= -(double)JWT_TIME_MAX ? -JWT_TIME_MAX
                                              : (int64_t)real; /* below 2^53 a double holds every whole number */
    return true;
}

struct slice jose_half_hash(struct arena *arena, enum jose_alg alg, struct slice text) {
    unsigned char hash[SHA512_DIGEST_LENGTH];
    size_t size = alg == JOSE_EDDSA ? SHA512_DIGEST_LENGTH : SHA256_DIGEST_LENGTH;
    if (alg == JOSE_EDDSA)
        SHA512((const unsigned char *)text.at, text.len, hash);
    else
        SHA256((const unsigned char *)text.at, text.len, hash);
    return base64url_encode(arena, (struct slice){(const char *)hash, size / 2});
}
