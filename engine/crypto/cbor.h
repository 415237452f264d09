/* CBOR (RFC 8949) as authenticators write it (CTAP 2.1 §8): of definite lengths, a few levels deep. Reads in place:
 * what is read points into the input. */
#ifndef CRYPTO_CBOR_H
#define CRYPTO_CBOR_H

#include "base/slice.h"

#include <stdint.h>

enum { CBOR_DEPTH_MAX = 8 };

/* In the order of the major types. */
enum cbor_kind {
    CBOR_UNSIGNED,
    CBOR_NEGATIVE,
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_LIST,
    CBOR_MAP,
    CBOR_TAG,
    CBOR_SIMPLE, /* false, null, floats … */
};

struct cbor {
    enum cbor_kind kind;
    int64_t number;     /* of CBOR_UNSIGNED and CBOR_NEGATIVE; of the others their argument: a length, a count, a tag */
    struct slice bytes; /* of CBOR_BYTES and CBOR_TEXT */
};

/* Takes one item, with all that is in it, from the front of *rest. False, when it is malformed, of an indefinite
 * length, deeper than CBOR_DEPTH_MAX, or has a number of more than 63 bits. */
bool cbor_read(struct slice *rest, struct cbor *item);

/* A member of a map that is looked for: by its name, or by its number where there is no name. */
struct cbor_member {
    const char *name;
    int64_t number;
    bool is_there;
    struct cbor value;
};

/* Takes a map from the front of *rest and fills in the wanted members. False also when one of them is there twice. */
bool cbor_read_map(struct slice *rest, struct cbor_member *wanted, size_t count);

#endif
