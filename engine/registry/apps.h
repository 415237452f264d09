/* Apps (OAuth 2.0 clients) in the store: found, made, changed, deleted. API and command line share it; what an app may
 * be is checked before (checks/app_rules.h). */
#ifndef REGISTRY_APPS_H
#define REGISTRY_APPS_H

#include "server/response.h"
#include "store/record.h"

/* The least number that an app made at that second can have: numbers are the order of listings. */
int64_t app_number_at(int64_t unix_s);

/* The app of an app_id or client_id, if `viewer` may see it: own, public or shared with them. ERROR_NOT_FOUND when not
 * (contract §4: as good as none). */
enum error app_find(struct request *request, struct slice id, const struct user *viewer, struct app *app);
/* The same, for its owner alone: ERROR_FORBIDDEN for others who may see it. */
enum error app_find_own(struct request *request, struct slice id, const struct user *owner, struct app *app);
/* The user's own, switched off or not, the newest first: rows of app_own_list. page from 0. */
enum error app_list_own(struct request *request, const struct user *owner, int64_t page, int64_t limit,
                        struct rows **rows, int64_t *total);
/* Whoever's it is: for the operator. */
enum error app_find_any(struct request *request, struct slice id, struct app *app);

/* False for a public client (token_endpoint_auth_method none): nobody shall be tempted to put a secret into what users
 * can read (RFC 6749 §2.1, RFC 8252 §8.5). */
bool app_has_secret(const struct app *app);

/* What the audit log says of a change. `by`: NULL: nobody in particular (the command line). */
struct app_act {
    const struct user *by;
    struct slice what;
};

/* Stores it under fresh ids (client_id is kept if set). ERROR_CONFLICT when the name is taken or looks like one
 * that is, ERROR_FORBIDDEN when the owner has `max` apps. *client_secret is shown once; absent for an app that has
 * none. */
enum error app_create(struct request *request, struct app *app, const struct app_act *act, int64_t max,
                      struct slice *client_secret);

/* Bits of the columns that app_change writes, in the order of app_fields. */
enum app_column {
    APP_NAME = 1,
    APP_DESCRIPTION = 2,
    APP_REDIRECT_URIS = 4,
    APP_HOMEPAGE_URL = 8,
    APP_LOGO_URL = 16,
    APP_PUBLIC = 32,
    APP_REFRESH_DAYS = 64,
    APP_ALLOWED_SCOPES = 128,
    APP_AUTH_METHOD = 256,
    APP_ACTIVE = 512,
    APP_GRANT_TYPES = 1024,
    APP_ID_TOKEN_ALG = 2048,
    APP_JWKS = 4096,
    APP_JWKS_URI = 8192,
    APP_POST_LOGOUT_URIS = 16384,
    APP_BACKCHANNEL_URI = 32768,
    APP_DPOP_BOUND = 65536,
    APP_REQUIRE_PAR = 131072,
};

/* These change what holds at once on every worker when they return. ERROR_CONFLICT: the new name is taken.
 * ERROR_NOT_FOUND: it was deleted meanwhile. */
enum error app_change(struct request *request, struct app *app, const struct app_act *act, unsigned columns);
/* What was found at its jwks_uri; an app that has another one by now stays as it is. */
enum error app_keep_jwks(struct request *request, struct app *app, struct slice jwks);
/* ERROR_CONFLICT: it has none. */
enum error app_renew_secret(struct request *request, struct app *app, const struct app_act *act,
                            struct slice *client_secret);
enum error app_delete(struct request *request, const struct app *app, const struct app_act *act);

#endif
