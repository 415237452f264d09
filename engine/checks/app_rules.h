/* What an app may be: names, redirect URIs and scopes (contract §5, POST and PATCH /idp/apps), by our rules and by the
 * operator's policies. The command line and the API share them. */
#ifndef CHECKS_APP_RULES_H
#define CHECKS_APP_RULES_H

#include "checks/fields.h"
#include "store/record.h"

/* The fields of an app; enum app_column (registry/apps.h) counts them in this order. */
extern const struct field app_fields[];

/* What a client has registered when it says nothing of it. */
extern const struct client_metadata client_metadata_default;

/* A new app of which nothing is said. Ids, name, secret and times are not set. */
void app_new_defaults(const struct user *owner, struct app *app);

/* A new app as asked for by the body, complete and allowed; ERROR_VALIDATION with every failing field;
 * ERROR_FORBIDDEN when a policy refuses. Ids, secret and times are not set. */
enum error app_new_check(struct request *request, const struct user *user, struct app *app);

/* *app, as it is now, becomes as the body asks; *columns gets a bit (1 << index in app_fields) for each field that is
 * there, and not the name that it has. The same errors. */
enum error app_change_check(struct request *request, const struct user *user, struct app *app, unsigned *columns);

#endif
