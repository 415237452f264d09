/* Authorization codes (RFC 6749 §4.1.2): sealed, so that one that is forged, foreign or expired is
 * refused without asking the store. Its single use is recorded with the grant that it names. */
#ifndef CRYPTO_CODE_H
#define CRYPTO_CODE_H

#include "crypto/keyring.h"

struct code {
    struct slice grant_id, app_id;
    int64_t expires_at_s;
};

struct slice code_seal(struct arena *arena, const struct keyring *keyring, const struct code *code);

/* False unless code_seal made it with this server's secret. Expiry is the caller's matter. */
bool code_open(struct arena *arena, const struct keyring *keyring, struct slice text, struct code *code);

#endif
