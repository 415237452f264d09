/* What an authenticator says (WebAuthn Level 3). Only what a relying party needs that asks for no attestation: whose
 * statement is passed over, and whose key is the credential's. */
#ifndef CRYPTO_WEBAUTHN_H
#define CRYPTO_WEBAUTHN_H

#include "base/arena.h"

enum {
    WEBAUTHN_ID_MAX = 1023 /* bytes, §5.8.1 */,
    WEBAUTHN_KEY_MAX = 1024,
    WEBAUTHN_DATA_MAX = 8192,
    WEBAUTHN_ATTESTATION_MAX = 32768,
};

/* The challenge that clientDataJSON answers (§5.8.1), decoded. Absent unless it is of that type ("webauthn.create",
 * "webauthn.get") and was made on a page of one of these origins, in no frame of another one. */
struct slice webauthn_challenge(struct arena *arena, struct slice client_data, const char *type,
                                const struct slice *origins, size_t origins_count);

/* The authenticator data in an attestation object (§6.5.4); absent when that is malformed. */
struct slice webauthn_attested_data(struct slice attestation_object);

struct webauthn_authenticator {
    bool user_verified; /* by PIN, finger, face; that somebody was there is demanded in any case */
    bool is_synced;     /* it may be on several devices (BE, §6.1.3) */
    uint32_t sign_count;
    struct slice credential_id; /* of a new credential; else absent */
    struct slice public_key;    /* of a new credential, as DER; absent when it is none of ours (cose.h) */
};

/* Authenticator data (§6.1). False when it is malformed, of another relying party, nobody was there (UP), or
 * it says to be backed up but not able to be (§6.1.3). */
bool webauthn_authenticator_read(struct arena *arena, struct slice data, struct slice rp_id,
                                 struct webauthn_authenticator *authenticator);

/* A public key of ES256 (P-256), ES384 (P-384), EdDSA (Ed25519) or RS256 (2048 bits or more), as DER. */
bool webauthn_key_is_valid(struct slice public_key);

/* §7.2, steps 20 and 21: the signature over authenticator data and the hash of clientDataJSON. */
bool webauthn_signature_is_valid(struct arena *arena, struct slice public_key, struct slice authenticator_data,
                                 struct slice client_data, struct slice signature);

#endif
