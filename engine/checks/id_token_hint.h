/* An id_token that comes back as a hint (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2): it may have expired. It
 * has JWS_LEN_MAX bytes at most (jose.h). */
#ifndef CHECKS_ID_TOKEN_HINT_H
#define CHECKS_ID_TOKEN_HINT_H

#include "server/response.h"

struct id_token_hint {
    struct slice client_id, user_id, session_id; /* aud, sub, sid */
};

/* False unless it was signed here. */
bool id_token_hint_read(struct request *request, struct slice text, struct id_token_hint *hint);

#endif
