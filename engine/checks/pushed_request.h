/* Pushed authorization requests (RFC 9126): the request_uri is the request itself, sealed, so that pushing stores
 * nothing. Its id is spent with the code that it gives. */
#ifndef CHECKS_PUSHED_REQUEST_H
#define CHECKS_PUSHED_REQUEST_H

#include "server/response.h"

struct pushed_request {
    struct slice id;
    int64_t until_s; /* however often it is sealed again for a login page, it ends then */
    struct params params;
};

/* A new one; its request_uri is good for settings.pushed_s. */
struct slice pushed_request_make(struct request *request, const struct params *params);
/* The same request under another request_uri, for as long as somebody may look at a login page. */
struct slice pushed_request_renew(struct request *request, const struct pushed_request *pushed);

/* ERROR_INVALID_REQUEST_URI when it is not one of ours or has expired. */
enum error pushed_request_open(struct request *request, struct slice request_uri, struct pushed_request *pushed);

#endif
