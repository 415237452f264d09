/* Claims that are signed: good ones, with those members replaced that an input (a JSON object) names. What single use
 * would be asked is looked at in place of asking the store. */
#ifndef SPEC_FUZZ_CLAIMS_H
#define SPEC_FUZZ_CLAIMS_H

#include "members.h"

#include "base/clock.h"
#include "checks/spend.h"
#include "crypto/hex.h"
#include "crypto/jose.h"

#include <math.h>

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
static inline struct slice claims_sign(struct arena *arena, const struct value *header, const struct value *claims,
                                       struct slice input) {
    struct slice body = members_replace(arena, claims, input);
    if (!slice_is_set(body))
        return SLICE_NONE;
    struct buffer head = buffer_in(arena);
    json_write(&head, header);
    return jws_sign(arena, claims_key(), JOSE_EDDSA, buffer_slice(&head), body);
}

/* Whether a time is there as a number from `least` to `most`; `otherwise` when there is none. (A second of grace: the
 * check has read the clock before.) */
static inline bool claims_time_is(const struct value *claims, const char *name, double least, double most,
                                  bool otherwise) {
    const struct value *time = value_get(claims, name);
    if (!time)
        return otherwise;
    double at = time->kind == VALUE_INT ? (double)time->integer : time->kind == VALUE_REAL ? trunc(time->real) : NAN;
    return at >= least - 1 && at <= most + 1;
}

#endif
