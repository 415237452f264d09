/* Who is calling the management API (contract §3): one check, one order, one 401. */
#ifndef CHECKS_CALLER_H
#define CHECKS_CALLER_H

#include "server/response.h"
#include "store/record.h"

struct caller {
    struct user user;
};

/* ERROR_UNAUTHENTICATED when nobody valid is calling; ERROR_BAD_REQUEST: a hotkey has signed a request that has a body
 * where the route takes none; ERROR_STORE_UNAVAILABLE. */
enum error caller_check(struct request *request, struct caller *caller);

#endif
