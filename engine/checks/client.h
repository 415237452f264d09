/* OAuth clients: finding one, and authenticating one (RFC 6749 §2.3.1). */
#ifndef CHECKS_CLIENT_H
#define CHECKS_CLIENT_H

#include "server/response.h"
#include "store/record.h"

/* The app of a client_id, active or not. ERROR_INVALID_CLIENT when there is none. */
enum error client_find(struct request *request, struct slice client_id, struct app *app);

/* How the caller of a token endpoint proved to be the client. */
struct client {
    struct app app;
    bool is_named;         /* a client_id was given; else nothing below is set */
    bool is_authenticated; /* with the client secret */
};

/* client_secret_basic, client_secret_post, or none (client_id alone). Whatever is given is checked:
 * a wrong secret is always ERROR_INVALID_CLIENT; two methods at once are ERROR_INVALID_REQUEST. An app that
 * insists on a method (token_endpoint_auth_method) is held to it. */
enum error client_check(struct request *request, struct client *client);

#endif
