#include "crypto/cose.h"

#include "base/buffer.h"
#include "crypto/cbor.h"

enum { MEMBER_KTY, MEMBER_ALG, MEMBER_FIRST, MEMBER_SECOND, MEMBER_THIRD, MEMBERS };

enum { KTY_OKP = 1, KTY_EC2 = 2, KTY_RSA = 3 };

/* `curve`: 0 for none. `size` is that of a coordinate, `algorithm` the AlgorithmIdentifier (RFC 5480 §2.1, RFC 8410 §3,
 * RFC 3279 §2.3.1). */
#define DER(bytes) \
    { bytes, sizeof(bytes) - 1 }
static const struct kind {
    int64_t alg, kty, curve;
    size_t size;
    struct slice algorithm;
} kinds[] = {
    {-7, KTY_EC2, 1, 32, DER("\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")},
    {-35, KTY_EC2, 2, 48, DER("\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22")},
    {-8, KTY_OKP, 6, 32, DER("\x30\x05\x06\x03\x2b\x65\x70")},
    {-257, KTY_RSA, 0, 0, DER("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00")},
};

static void der_add_head(struct buffer *der, unsigned char tag, size_t len) {
    enum { SHORT_MAX = 0x7f };
    buffer_add_byte(der, (char)tag);
    if (len > 0xff)
        buffer_add_byte(der, (char)0x82);
    else if (len > SHORT_MAX)
        buffer_add_byte(der, (char)0x81);
    if (len > 0xff)
        buffer_add_byte(der, (char)(len >> 8));
    buffer_add_byte(der, (char)(len & 0xff));
}

enum { TAG_INTEGER = 0x02, TAG_BIT_STRING = 0x03, TAG_SEQUENCE = 0x30 };

/* Unsigned, so one with its top bit set has a zero in front. */
static void der_add_number(struct buffer *der, struct slice number) {
    bool has_top_bit = (unsigned char)number.at[0] & 0x80;
    der_add_head(der, TAG_INTEGER, number.len + has_top_bit);
    if (has_top_bit)
        buffer_add_byte(der, 0);
    buffer_add(der, number);
}

static bool number_has_form(struct slice number) {
    enum { NUMBER_MAX = 1024 };
    return number.len && number.len <= NUMBER_MAX && number.at[0] != 0;
}

/* RSAPublicKey (RFC 8017 §A.1.1). */
static struct slice rsa_of(struct arena *arena, struct slice n, struct slice e) {
    struct buffer numbers = buffer_in(arena), der = buffer_in(arena);
    if (!number_has_form(n) || !number_has_form(e))
        return SLICE_NONE;
    der_add_number(&numbers, n);
    der_add_number(&numbers, e);
    der_add_head(&der, TAG_SEQUENCE, numbers.len);
    buffer_add(&der, buffer_slice(&numbers));
    return buffer_slice(&der);
}

/* SEC 1 §2.3.3, uncompressed. */
static struct slice point_of(struct arena *arena, size_t size, struct slice x, struct slice y) {
    struct buffer point = buffer_in(arena);
    if (x.len != size || y.len != size)
        return SLICE_NONE;
    buffer_add_byte(&point, 0x04);
    buffer_add(&point, x);
    buffer_add(&point, y);
    return buffer_slice(&point);
}

static const struct kind *kind_of(const struct cbor_member *members) {
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (members[MEMBER_KTY].value.number == kinds[i].kty && members[MEMBER_ALG].value.number == kinds[i].alg &&
            (!kinds[i].curve || (members[MEMBER_FIRST].value.kind <= CBOR_NEGATIVE &&
                                 members[MEMBER_FIRST].value.number == kinds[i].curve)))
            return &kinds[i];
    return NULL;
}

static struct slice bytes_of(const struct cbor_member *member) {
    return member->is_there && member->value.kind == CBOR_BYTES ? member->value.bytes : SLICE_NONE;
}

static struct slice key_of(struct arena *arena, const struct kind *kind, const struct cbor_member *members) {
    struct slice x = bytes_of(&members[MEMBER_SECOND]);
    switch (kind->kty) {
    case KTY_RSA:
        return rsa_of(arena, bytes_of(&members[MEMBER_FIRST]), x);
    case KTY_EC2:
        return point_of(arena, kind->size, x, bytes_of(&members[MEMBER_THIRD]));
    default:
        return x.len == kind->size ? x : SLICE_NONE;
    }
}

bool cose_key_read(struct arena *arena, struct slice *rest, struct slice *public_key) {
    struct cbor_member members[MEMBERS] = {
        [MEMBER_KTY] = {.number = 1},     [MEMBER_ALG] = {.number = 3},    [MEMBER_FIRST] = {.number = -1},
        [MEMBER_SECOND] = {.number = -2}, [MEMBER_THIRD] = {.number = -3},
    };
    *public_key = SLICE_NONE;
    if (!cbor_read_map(rest, members, MEMBERS))
        return false;
    for (int i = MEMBER_KTY; i <= MEMBER_ALG; i++)
        if (!members[i].is_there || members[i].value.kind > CBOR_NEGATIVE)
            return true;
    const struct kind *kind = kind_of(members);
    struct slice key = kind ? key_of(arena, kind, members) : SLICE_NONE;
    if (!key.len)
        return true;
    struct buffer der = buffer_in(arena), bits = buffer_in(arena);
    der_add_head(&bits, TAG_BIT_STRING, 1 + key.len);
    buffer_add_byte(&bits, 0); /* none of them unused */
    buffer_add(&bits, key);
    der_add_head(&der, TAG_SEQUENCE, kind->algorithm.len + bits.len);
    buffer_add(&der, kind->algorithm);
    buffer_add(&der, buffer_slice(&bits));
    *public_key = buffer_slice(&der);
    return true;
}
