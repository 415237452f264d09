/* Which country an address is of, by a database in MaxMind's format (GeoLite2-Country and the like). Read once;
 * immutable, shared by the workers. */
#ifndef SERVER_COUNTRY_H
#define SERVER_COUNTRY_H

#include "base/arena.h"

struct countries;

/* NULL with *error, a sentence, when the file is none. */
struct countries *countries_open(struct arena *arena, const char *path, struct slice *error);
void countries_close(struct countries *countries); /* NULL: nothing */

/* Two letters (ISO 3166-1) for a numeric address; absent when it is not known, or `countries` is NULL. They live as
 * long as `countries`. */
struct slice country_of(const struct countries *countries, struct slice address);

#endif
