/* Claims that are signed: good ones, with those members replaced that an input (a JSON object) names, so that the
 * fuzzer gets behind signature and base64. What single use would be asked is looked at in place of asking the store. */
#ifndef SPEC_FUZZ_CLAIMS_H
#define SPEC_FUZZ_CLAIMS_H

#include "fuzz.h"

#include "base/clock.h"
#include "base/json.h"
#include "checks/spend.h"
#include "crypto/hex.h"
#include "crypto/jose.h"

enum { AHEAD_MAX_S = 100000 };

static bool claims_were_spent;

static enum error claims_spend(struct request *request, struct slice id, int64_t expires_at_s, bool *is_first) {
    (void)request;
    FUZZ_CHECK(fuzz_is_clean(id) && id.len < 256);
    FUZZ_CHECK(expires_at_s > clock_now_s() && expires_at_s < clock_now_s() + AHEAD_MAX_S);
    claims_were_spent = true;
    *is_first = true;
    return ERROR_NONE;
}
#define spend claims_spend

static inline struct jose_key *claims_key(void) {
    static struct jose_key *key;
    if (!key)
        key = jose_key_generate(JOSE_EDDSA);
    FUZZ_CHECK(key);
    return key;
}

/* A service that has what checks of claims look at. */
static inline const struct service *claims_service(void) {
    static struct settings settings = {.issuer = {"https://id.example", 18}, .dpop_s = 60};
    static struct service service = {.settings = &settings};
    static const unsigned char secret[SECRET_SIZE] = {1};
    if (!service.keyring)
        service.keyring = keyring_from(secret);
    FUZZ_CHECK(service.keyring);
    return &service;
}

/* The JWT; absent where the input is no JSON object. */
static inline struct slice claims_sign(struct arena *arena, struct value *header, struct value *claims,
                                       struct slice input) {
    const struct value *more = json_parse(arena, input, NULL);
    if (!more || more->kind != VALUE_MAP)
        return SLICE_NONE;
    for (const struct value *member = more->first; member; member = member->next) {
        struct value *copy = value_copy(arena, member);
        value_set_value(claims, arena_string(arena, member->name), copy);
    }
    struct buffer head = buffer_in(arena), body = buffer_in(arena);
    json_write(&head, header);
    json_write(&body, claims);
    return jws_sign(arena, claims_key(), JOSE_EDDSA, buffer_slice(&head), buffer_slice(&body));
}

#endif
