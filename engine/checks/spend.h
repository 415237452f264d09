/* Single use: whoever spends an id first has used the thing, on every server. */
#ifndef CHECKS_SPEND_H
#define CHECKS_SPEND_H

#include "server/request.h"

/* *is_first: nobody has spent this id before. It is remembered until expires_at_s, when the thing is no good anyhow.
 * ERROR_STORE_UNAVAILABLE. */
enum error spend(struct request *request, struct slice id, int64_t expires_at_s, bool *is_first);

#endif
