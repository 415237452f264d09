/* What goes through a browser's hands as a sealed map (crypto/seal.h) with an expiry: it has every member that its kind
 * names, or it does not open. So what an older or a newer server of the same secret has sealed is refused, or taken
 * without the members that this one does not know, and nobody reads what is not there. */
#ifndef CHECKS_SEALED_H
#define CHECKS_SEALED_H

#include "crypto/keyring.h"
#include "server/response.h"

enum { SEALED_MEMBERS_MAX = 6 };

struct sealed_kind {
    enum key_purpose purpose;
    enum error error;     /* of both refusals */
    const char *not_ours; /* their public texts */
    const char *expired;
    struct {
        const char *name;
        enum value_kind kind;
    } members[SEALED_MEMBERS_MAX]; /* what it must have; the rest is optional */
};

/* `map` (of the request's arena) with its expiry. It must have its kind's members (asserted). */
struct slice sealed_make(struct request *request, const struct sealed_kind *kind, struct value *map,
                         int64_t expires_at_s);

/* *map is in the request's arena, its members are there and of their kinds, and it has not expired; else kind->error.
 */
enum error sealed_open(struct request *request, const struct sealed_kind *kind, struct slice text,
                       const struct value **map, int64_t *expires_at_s);

#endif
