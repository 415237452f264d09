/* The OAuth access token that a request carries (RFC 6750 §2). */
#ifndef CHECKS_ACCESS_TOKEN_H
#define CHECKS_ACCESS_TOKEN_H

#include "crypto/token.h"
#include "server/response.h"
#include "store/record.h"

struct access_token {
    struct slice token_id, grant_id, app_id, client_id;
    struct slice scopes; /* separated by spaces */
    struct user user;
};

/* From the Authorization header, or from a form's access_token (RFC 6750 §2.2). ERROR_INVALID_TOKEN;
 * ERROR_INVALID_REQUEST when it is given both ways. */
enum error access_token_check(struct request *request, struct access_token *token);

/* The same for a token that is in hand. */
enum error access_token_find(struct request *request, const struct token_claim *claim, struct access_token *token);

#endif
