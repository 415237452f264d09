/* The JWTs that the token endpoint gives: id_token (OpenID Connect Core §2) and, where the tokens policy wants them,
 * access tokens (RFC 9068). */
#ifndef ENDPOINTS_TOKEN_JWT_H
#define ENDPOINTS_TOKEN_JWT_H

#include "endpoints/token_family.h"

/* Signs set->access as a JWT; its hash becomes that of the JWT. */
enum error access_jwt_make(struct request *request, const struct token_making *making, struct token_set *set);

/* Sets set->id_token; set->access_text is there already. */
enum error id_token_make(struct request *request, const struct token_making *making, int64_t lifetime_s,
                         struct token_set *set);

/* How somebody signed in, in the words of RFC 8176, separated by spaces; NULL where it has none. */
const char *sign_in_amr(struct slice method);

#endif
