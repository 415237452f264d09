/* sr25519: Schnorr signatures on ristretto255 with Merlin transcripts, as schnorrkel and the
 * wallets' libraries make them. Verification only. */
#ifndef CRYPTO_SR25519_H
#define CRYPTO_SR25519_H

#include "base/slice.h"

enum { SR25519_KEY_SIZE = 32, SR25519_SIGNATURE_SIZE = 64 };

/* One message under the signing context "substrate". Refused: a signature without the schnorrkel
 * marker (bit 7 of byte 63), a scalar that is not canonical, a point that is not a canonical
 * ristretto255 encoding, the identity as key. */
bool sr25519_verify(const unsigned char key[SR25519_KEY_SIZE], struct slice message,
                    const unsigned char signature[SR25519_SIGNATURE_SIZE]);

/* What a wallet signed (contract §3): the message raw, or wrapped as <Bytes>…</Bytes> by a browser
 * extension. `hotkey` is SS58 text; `signature` is hex (0x optional) of 64 bytes, or 65 with a
 * leading 0x01 (MultiSignature::Sr25519; 0x00 ed25519, 0x02 ecdsa, a bare ecdsa signature and one
 * without the schnorrkel marker are refused as WALLET_OTHER_SCHEME; what has no such form is WALLET_NO_SIGNATURE).
 * `key` is for WALLET_OK only. */
enum wallet_verdict { WALLET_OK, WALLET_BAD_HOTKEY, WALLET_NO_SIGNATURE, WALLET_BAD_SIGNATURE, WALLET_OTHER_SCHEME };
enum wallet_verdict wallet_verify(struct slice hotkey, struct slice message, struct slice signature,
                                  unsigned char key[SR25519_KEY_SIZE]);

#endif
