/* The app shape of contract §4, and behind it what the app has registered as a client (not in listings). */
#ifndef CHECKS_APP_JSON_H
#define CHECKS_APP_JSON_H

#include "store/record.h"

struct value *app_json(struct arena *arena, const struct app *app);
/* The answer to who has made it: with its secret, if it has one. */
struct value *app_json_new(struct arena *arena, const struct app *app, struct slice client_secret);
/* The second part alone (RFC 7591 §2). */
void app_json_add_metadata(struct arena *arena, struct value *json, const struct app *app);

#endif
