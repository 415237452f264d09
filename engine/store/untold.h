/* What this process has told nobody, until it is stored. Inside the room; store.h has what others see (db_untold). */
#ifndef STORE_UNTOLD_H
#define STORE_UNTOLD_H

#include "store/store.h"

struct untold; /* of a process; any thread */

struct untold *untold_new(void);
void untold_free(struct untold *untold);

/* Whether there is any. */
bool untold_is_empty(const struct untold *untold);
/* Copied; one too many is dropped, and the log says so. */
void untold_add(struct untold *untold, struct slice work_id);
/* Adds statements that store the oldest to a batch, as many as fit; 0: there are none. They stay until untold_forget.
 */
size_t untold_fill(struct untold *untold, struct batch *batch);
/* They are stored: what that batch holds. */
void untold_forget(struct untold *untold, const struct batch *batch);

#endif
