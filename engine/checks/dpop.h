/* Proof of possession of a key (DPoP, RFC 9449). Proofs carry a nonce of ours, so that none can be made ahead, and are
 * good once on every node. One has JWS_LEN_MAX bytes at most (jose.h).
 *
 * Anybody can make a key and proofs of it, so a proof alone leaves no row: it is checked first, and spent when what it
 * goes with is proven. Until then nothing was given for it, so a replay gains nothing. Two servers that see the same
 * proof at once both check it; one of them spends it. */
#ifndef CHECKS_DPOP_H
#define CHECKS_DPOP_H

#include "server/response.h"

/* All absent: none came. */
struct dpop_proof {
    struct slice jkt; /* thumbprint of its key */
    struct slice id;  /* what its use spends */
};

/* The proof in the request's DPoP header, for this method and URL, and for `token` when that is set (§4.3).
 * ERROR_INVALID_DPOP_PROOF; ERROR_USE_DPOP_NONCE, and the answer has a nonce. */
enum error dpop_check(struct request *request, struct slice token, struct dpop_proof *proof);

/* Behind the proof of the grant, token or client that it goes with, and before anything is given for it.
 * ERROR_INVALID_DPOP_PROOF: it was used before; ERROR_TOO_MANY_REQUESTS (registry/ceilings.h). Without a proof there is
 * nothing to spend. */
enum error dpop_spend(struct request *request, const struct dpop_proof *proof);

#endif
