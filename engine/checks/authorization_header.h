/* The Authorization header (RFC 9110 §11.6.2): Bearer (RFC 6750 §2.1), DPoP (RFC 9449 §7.1) and Basic (RFC 7617). */
#ifndef CHECKS_AUTHORIZATION_HEADER_H
#define CHECKS_AUTHORIZATION_HEADER_H

#include "base/arena.h"

/* The token of "Bearer <b64token>"; absent for another scheme or a malformed one. */
struct slice bearer_token(struct slice header);
/* The same of "DPoP <b64token>". */
struct slice dpop_token(struct slice header);

/* Whether the scheme is Basic, well-formed or not. */
bool basic_is_tried(struct slice header);

/* The two parts of OAuth's Basic, each form-decoded (RFC 6749 §2.3.1). False when malformed. */
bool basic_credentials(struct arena *arena, struct slice header, struct slice *id, struct slice *secret);

#endif
