/* What an app may be: names, redirect URIs and scopes (contract §5, POST /idp/apps), by our rules and
 * by the operator's policies. The command line and the API share them. */
#ifndef CHECKS_APP_RULES_H
#define CHECKS_APP_RULES_H

#include "checks/fields.h"
#include "store/record.h"

/* The fields of a new app. */
extern const struct field app_fields[];

/* Letters of any script, digits, "_", " ", "-" and "."; no space at either end. */
bool app_name_is_valid(struct slice name);

/* A new app as asked for by the body, complete and allowed; ERROR_VALIDATION with every failing field;
 * ERROR_FORBIDDEN when a policy refuses. Ids, secret and times are not set. */
enum error app_new_check(struct request *request, const struct user *user, struct app *app);

/* Stores it under fresh ids. ERROR_CONFLICT when the name is taken. *client_secret is shown once. */
enum error app_store(struct request *request, struct app *app, struct slice *client_secret);

#endif
