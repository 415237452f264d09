/* The app shape of contract §4. */
#ifndef ENDPOINTS_APP_JSON_H
#define ENDPOINTS_APP_JSON_H

#include "store/record.h"

struct value *app_json(struct arena *arena, const struct app *app);

#endif
