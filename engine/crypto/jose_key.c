/* Private keys: made, kept, and prepared for signing. */
#include "crypto/jose_key.h"

#include "fiber/fiber.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

static const struct {
    const char *name;
    enum jose_kind kind;
    const char *hash; /* NULL: the algorithm brings its own */
} algs[JOSE_ALGS] = {
    [JOSE_RS256] = {"RS256", JOSE_RSA, "SHA256"},
    [JOSE_PS256] = {"PS256", JOSE_RSA, "SHA256"},
    [JOSE_ES256] = {"ES256", JOSE_EC, "SHA256"},
    [JOSE_EDDSA] = {"EdDSA", JOSE_OKP, NULL},
};

const char *jose_alg_name(enum jose_alg alg) {
    return algs[alg].name;
}

bool jose_alg_from(struct slice name, enum jose_alg *alg) {
    if (slice_is(name, "Ed25519")) {
        *alg = JOSE_EDDSA;
        return true;
    }
    for (int i = 0; i < JOSE_ALGS; i++)
        if (slice_is(name, algs[i].name)) {
            *alg = (enum jose_alg)i;
            return true;
        }
    return false;
}

enum jose_kind jose_kind_of(enum jose_alg alg) {
    return algs[alg].kind;
}

bool jose_key_fits(const struct jose_key *key, enum jose_alg alg) {
    return key->kind == algs[alg].kind;
}

struct hop {
    void (*call)(void *);
    void *argument;
};

static void call_clean(void *argument) {
    struct hop *hop = argument;
    ERR_set_mark();
    hop->call(hop->argument);
    ERR_pop_to_mark();
}

void jose_hop(void (*call)(void *), void *argument) {
    struct hop hop = {call, argument};
    fiber_hop(call_clean, &hop);
}

bool jose_context_init(EVP_MD_CTX *context, enum jose_alg alg, EVP_PKEY *pkey, bool is_signing) {
    EVP_PKEY_CTX *inner = NULL;
    int done = is_signing ? EVP_DigestSignInit_ex(context, &inner, algs[alg].hash, NULL, NULL, pkey, NULL)
                          : EVP_DigestVerifyInit_ex(context, &inner, algs[alg].hash, NULL, NULL, pkey, NULL);
    if (done != 1)
        return false;
    if (alg == JOSE_RS256)
        return EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PADDING) == 1;
    /* RFC 7518 §3.5: MGF1 with the same hash (OpenSSL's default) and a salt as long as the hash. */
    if (alg == JOSE_PS256)
        return EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, RSA_PSS_SALTLEN_DIGEST) == 1;
    return true;
}

static bool pkey_is_of(EVP_PKEY *pkey, enum jose_kind kind) {
    char group[32];
    size_t len;
    switch (kind) {
    case JOSE_RSA:
        return EVP_PKEY_is_a(pkey, "RSA") && EVP_PKEY_get_bits(pkey) >= JOSE_RSA_BITS &&
               EVP_PKEY_get_bits(pkey) <= JOSE_RSA_BITS_MAX;
    case JOSE_EC:
        return EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof(group), &len) == 1 &&
               strcmp(group, "prime256v1") == 0;
    case JOSE_OKP:
        return EVP_PKEY_is_a(pkey, "ED25519");
    case JOSE_KINDS:
        break;
    }
    return false;
}

/* Preparing a signature asks OpenSSL's tables of algorithms, under locks that all threads share; a copy of what
 * is prepared does not. */
static bool signers_prepare(struct jose_key *key) {
    for (int i = 0; i < JOSE_ALGS; i++) {
        enum jose_alg alg = (enum jose_alg)i;
        if (!jose_key_fits(key, alg))
            continue;
        key->signers[i] = EVP_MD_CTX_new();
        if (!key->signers[i] || !jose_context_init(key->signers[i], alg, key->pkey, true))
            return false;
    }
    return true;
}

static void key_free(void *argument) {
    struct jose_key *key = argument;
    for (int i = 0; i < JOSE_ALGS; i++)
        EVP_MD_CTX_free(key->signers[i]);
    EVP_PKEY_free(key->pkey);
    free(key);
}

void jose_key_free(struct jose_key *key) {
    if (key)
        jose_hop(key_free, key);
}

struct jose_key *jose_key_new(enum jose_kind kind, EVP_PKEY *pkey, bool is_private) {
    struct jose_key *key = pkey && pkey_is_of(pkey, kind) ? calloc(1, sizeof(*key)) : NULL;
    if (!key) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    key->pkey = pkey;
    key->kind = kind;
    key->is_private = is_private;
    key->signature_size = kind == JOSE_EC ? ES256_SIZE : (size_t)EVP_PKEY_get_size(pkey);
    if (is_private && !signers_prepare(key)) {
        key_free(key);
        return NULL;
    }
    return key;
}

struct making {
    enum jose_kind kind;
    struct slice der;
    struct jose_key *key;
};

static void generate(void *argument) {
    struct making *making = argument;
    EVP_PKEY *pkey = NULL;
    if (making->kind == JOSE_RSA)
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)JOSE_RSA_BITS);
    else if (making->kind == JOSE_EC)
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    else
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    making->key = jose_key_new(making->kind, pkey, true);
}

struct jose_key *jose_key_generate(enum jose_alg alg) {
    struct making making = {.kind = jose_kind_of(alg)};
    jose_hop(generate, &making);
    return making.key;
}

static void from_der(void *argument) {
    struct making *making = argument;
    const unsigned char *at = (const unsigned char *)making->der.at, *end = at + making->der.len;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)making->der.len);
    if (info && at == end)
        making->key = jose_key_new(making->kind, EVP_PKCS82PKEY(info), true);
    PKCS8_PRIV_KEY_INFO_free(info);
}

struct jose_key *jose_key_from_der(enum jose_alg alg, struct slice der) {
    enum { DER_LEN_MAX = JWS_LEN_MAX }; /* one of RSA 8192 has 4.7 KB */
    struct making making = {.kind = jose_kind_of(alg), .der = der};
    if (slice_is_set(der) && der.len <= DER_LEN_MAX)
        jose_hop(from_der, &making);
    return making.key;
}

struct writing {
    struct arena *arena;
    const struct jose_key *key;
    struct slice der;
};

static void write_der(void *argument) {
    struct writing *writing = argument;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(writing->key->pkey);
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : 0;
    if (len > 0) {
        unsigned char *bytes = arena_alloc(writing->arena, (size_t)len), *end = bytes;
        if (i2d_PKCS8_PRIV_KEY_INFO(info, &end) == len)
            writing->der = (struct slice){(const char *)bytes, (size_t)len};
    }
    PKCS8_PRIV_KEY_INFO_free(info);
}

struct slice jose_key_der(struct arena *arena, const struct jose_key *key) {
    struct writing writing = {.arena = arena, .key = key, .der = SLICE_NONE};
    if (key->is_private)
        jose_hop(write_der, &writing);
    return writing.der;
}
