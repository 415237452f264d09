/* private_key_jwt (RFC 7523 §2.2, §3; OpenID Connect Core §9): a client proves itself with a JWT that it has signed. It
 * has JWS_LEN_MAX bytes at most (jose.h); of keys 16 are tried (client_keys.c). */
#ifndef CHECKS_CLIENT_ASSERTION_H
#define CHECKS_CLIENT_ASSERTION_H

#include "crypto/jose.h"
#include "server/response.h"
#include "store/record.h"

/* Parses the form's client_assertion; *client_id is who it speaks for, which is not proven yet. ERROR_INVALID_CLIENT.
 */
enum error client_assertion_read(struct request *request, struct jws *jws, struct slice *client_id);

/* Its signature, audience, times, and that it was not used before. */
enum error client_assertion_check(struct request *request, struct app *app, const struct jws *jws);

#endif
