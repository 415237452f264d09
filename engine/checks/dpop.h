/* Proof of possession of a key (DPoP, RFC 9449). Proofs carry a nonce of ours, so that none can be made ahead, and are
 * good once on every node. One has JWS_LEN_MAX bytes at most (jose.h). */
#ifndef CHECKS_DPOP_H
#define CHECKS_DPOP_H

#include "server/response.h"

/* The proof in the request's DPoP header, for this method and URL, and for `token` when that is set (§4.3). *jkt is the
 * thumbprint of its key; absent when there is no proof. ERROR_INVALID_DPOP_PROOF; ERROR_USE_DPOP_NONCE, and the answer
 * has a nonce. */
enum error dpop_check(struct request *request, struct slice token, struct slice *jkt);

#endif
