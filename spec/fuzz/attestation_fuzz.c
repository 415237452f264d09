/* What an authenticator says of a new passkey: attestation objects, COSE keys, and the CBOR that both are made of. */
#include "fuzz.h"

#include "crypto/cbor.h"
#include "crypto/cose.h"
#include "crypto/webauthn.h"

static void item_check(struct slice input) {
    struct cbor item;
    struct slice rest = input;
    if (!cbor_read(&rest, &item))
        return;
    FUZZ_CHECK(rest.len < input.len && rest.at + rest.len == input.at + input.len);
    FUZZ_CHECK(!item.bytes.at || fuzz_is_inside(item.bytes, input));
    /* One byte less is no item any more. */
    struct slice cut = {input.at, input.len - rest.len - 1};
    FUZZ_CHECK(!cbor_read(&cut, &item));
}

static void key_check(struct arena *arena, struct slice input) {
    struct slice rest = input, again = input, key, same;
    if (!cose_key_read(arena, &rest, &key))
        return;
    FUZZ_CHECK(rest.at + rest.len == input.at + input.len);
    FUZZ_CHECK(cose_key_read(arena, &again, &same) && slice_equal(key, same));
    if (slice_is_set(key) && webauthn_key_is_valid(key))
        FUZZ_CHECK(!webauthn_signature_is_valid(arena, key, SLICE("data"), SLICE("{}"), SLICE("signature")));
}

static void object_check(struct slice input) {
    struct slice data = webauthn_attested_data(input);
    if (slice_is_set(data))
        FUZZ_CHECK(fuzz_is_inside(data, input));
}

static void fuzz(struct arena *arena, struct slice input) {
    item_check(input);
    key_check(arena, input);
    object_check(input);
}
