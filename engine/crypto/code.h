/* Authorization codes (RFC 6749 §4.1.2) and device codes (RFC 8628 §3.2): sealed, so that one that is forged, foreign
 * or expired is refused without asking the store. Its single use is recorded with what it names. */
#ifndef CRYPTO_CODE_H
#define CRYPTO_CODE_H

#include "crypto/keyring.h"

struct code {
    struct slice id; /* of the grant (KEY_CODE) or the device (KEY_DEVICE) */
    struct slice app_id;
    int64_t expires_at_s;
};

struct slice code_seal(struct arena *arena, const struct keyring *keyring, enum key_purpose purpose,
                       const struct code *code);

/* False unless code_seal made it for this purpose with this server's secret; what another release adds behind it is
 * passed over. Expiry is the caller's matter. */
bool code_open(struct arena *arena, const struct keyring *keyring, enum key_purpose purpose, struct slice text,
               struct code *code);

#endif
