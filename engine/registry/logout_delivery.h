/* Logout tokens on their way (OpenID Connect Back-Channel Logout 1.0 §2.4, §2.5): rows that registry/logout.h has
 * queued, each posted to its app until that takes it. 200, 204 and any other 2xx: taken. 4xx but 408 and 429: the app
 * refuses it, it is dropped. Else it is tried again, later each time, for a day.
 *
 * A row is one server's at a time, by compare-and-set, and outlives whoever is killed on the way. One worker of a
 * process delivers, a few at once; an app that does not answer is not asked for its other rows meanwhile. */
#ifndef REGISTRY_LOGOUT_DELIVERY_H
#define REGISTRY_LOGOUT_DELIVERY_H

#include "server/service.h"

enum { LOGOUT_TRIED_S = 86400 };

/* Of a process. */
struct logout_deliveries;
struct logout_deliveries *logout_deliveries_open(void);
void logout_deliveries_close(struct logout_deliveries *deliveries);

/* From any thread: there is something to deliver. Nothing on the command line, where a server will look for it. */
void logout_deliveries_wake(const struct service *service);

/* --- on the thread of the one worker --- */

/* Whether one more logout_deliver should begin now. */
bool logout_deliver_is_due(const struct logout_deliveries *deliveries, int64_t now_ms);
/* Delivers one after the other as long as there are any due and goes_on(data). On a fiber. */
void logout_deliver(const struct service *service, bool (*goes_on)(const void *data), const void *data);

#endif
