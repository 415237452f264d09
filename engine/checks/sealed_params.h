/* Parameters inside something sealed: a list of [name, value], for a name may come several times. */
#ifndef CHECKS_SEALED_PARAMS_H
#define CHECKS_SEALED_PARAMS_H

#include "server/request.h"

/* Without the one called `but` (NULL: all). */
struct value *params_to_value(struct arena *arena, const struct params *params, const char *but);
/* False for NULL and for anything but a list of such pairs: a parameter that is left out may be one that protects. */
bool params_from_value(struct arena *arena, const struct value *list, struct params *params);

#endif
