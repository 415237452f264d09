/* The OAuth access token that a request carries (RFC 6750 §2, RFC 9449 §7.1). It is opaque or a JWT (RFC 9068), as the
 * tokens policy had it made; both are looked up, so both end when they are revoked. */
#ifndef CHECKS_ACCESS_TOKEN_H
#define CHECKS_ACCESS_TOKEN_H

#include "crypto/token.h"
#include "server/response.h"
#include "store/record.h"

struct access_token {
    struct slice token_id, grant_id, app_id, client_id;
    struct slice scopes, audience; /* separated by spaces */
    struct slice dpop_jkt;         /* of the key that it is bound to; absent: whoever has it may use it */
    int64_t expires_at;
    struct slice claims; /* the authorization request's parameter, JSON; absent: none */
    bool has_user;       /* false: a client's own (client_credentials), and `user` is empty */
    struct user user;
};

/* What a presented token says of itself, of either form; of a JWT the id is its jti and the secret all of it. False
 * when it is none of ours. Proves nothing yet. */
bool access_token_parse(struct request *request, struct slice text, struct token_claim *claim);

/* From the Authorization header (Bearer or DPoP), or from a form's access_token (RFC 6750 §2.2). ERROR_INVALID_TOKEN;
 * ERROR_INVALID_REQUEST when it is given both ways; the errors of dpop_check. */
enum error access_token_check(struct request *request, struct access_token *token);

/* The same for a token that is in hand, of whatever header; its proof of possession is the caller's matter. */
enum error access_token_find(struct request *request, const struct token_claim *claim, struct access_token *token);

/* The proof that goes with a token that came in the Authorization header. */
enum error access_token_possession_check(struct request *request, struct slice text, const struct access_token *token);

#endif
