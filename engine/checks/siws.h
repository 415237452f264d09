/* Sign-In with Substrate (SIWS 1.0.0, after EIP-4361): the text that wallets and their libraries make to be signed.
 *
 *     id.example wants you to sign in with your Substrate account:
 *     5F…
 *
 *     A sentence, or none.
 *
 *     URI: https://id.example/…
 *     Version: 1.0.0
 *     Nonce: …
 *     Issued At: 2026-11-30T12:00:00.000Z
 *     Expiration Time: …
 */
#ifndef CHECKS_SIWS_H
#define CHECKS_SIWS_H

#include "crypto/sr25519.h"
#include "server/response.h"

/* Whether such a text is for this issuer, of that key, over that nonce, and of now. ERROR_BAD_REQUEST with a sentence
 * that says what of it is not right. The signature over it is the caller's to check. */
enum error siws_check(struct request *request, struct slice message, const unsigned char key[SR25519_KEY_SIZE],
                      struct slice nonce);

#endif
