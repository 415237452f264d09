/* The public keys of a client: registered (jwks), or to be had at its jwks_uri, where they are looked up anew when they
 * are old or lack the one that is asked for. */
#ifndef CHECKS_CLIENT_KEYS_H
#define CHECKS_CLIENT_KEYS_H

#include "crypto/jose.h"
#include "server/response.h"
#include "store/record.h"

/* A JWK set of public keys (RFC 7517 §5), at least one of which can verify; *why says what is wrong. */
bool client_jwks_are_valid(const struct value *jwks, struct slice *why);

/* Whether one of the client's keys has signed it. ERROR_INVALID_CLIENT. */
enum error client_jws_verify(struct request *request, struct app *app, const struct jws *jws);

#endif
