/* PKCE (RFC 7636), S256 only (RFC 9700 §2.1.1). */
#ifndef CHECKS_PKCE_H
#define CHECKS_PKCE_H

#include "base/slice.h"

/* 43 characters of base64url: what S256 of anything is (RFC 7636 §4.2). */
bool pkce_challenge_is_valid(struct slice challenge);

/* 43-128 unreserved characters (RFC 7636 §4.1). */
bool pkce_verifier_is_valid(struct slice verifier);

/* BASE64URL(SHA256(verifier)) == challenge, in constant time. */
bool pkce_matches(struct slice verifier, struct slice challenge);

#endif
