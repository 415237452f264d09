/* How names look, of which no two apps and no two users made since may have the same (schema/008_names.sql,
 * 012_looks.sql). */
#ifndef REGISTRY_LOOKS_H
#define REGISTRY_LOOKS_H

#include "store/store.h"

struct slice app_look(struct arena *arena, struct slice name);
struct slice user_look(struct arena *arena, struct slice username);

/* Looks at some of the names that an older release stored. True: there are more. Several servers may do it at once. */
bool looks_fill(struct db *db, struct arena *arena);

#endif
