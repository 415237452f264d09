/* OAuth clients: finding one, and authenticating one (RFC 6749 §2.3.1). Wrong secrets are not counted: they have 285
 * bits, so no number of guesses finds one, and a limit for a client would only let strangers stop it. A guess costs a
 * look-up in memory, one hash, and one read of the store. */
#ifndef CHECKS_CLIENT_H
#define CHECKS_CLIENT_H

#include "server/response.h"
#include "store/record.h"

/* What there is, separated by spaces, under the names that are registered with IANA (RFC 7591 §2, RFC 7523 §2.2). */
#define CLIENT_AUTH_METHODS "client_secret_basic client_secret_post private_key_jwt none"
#define GRANT_DEVICE_CODE "urn:ietf:params:oauth:grant-type:device_code"
#define GRANT_TOKEN_EXCHANGE "urn:ietf:params:oauth:grant-type:token-exchange"
#define GRANT_TYPES "authorization_code refresh_token client_credentials " GRANT_DEVICE_CODE " " GRANT_TOKEN_EXCHANGE
/* With which tokens are signed. */
#define SIGNING_ALGS "RS256 ES256 EdDSA"

/* The form's fields of client authentication. */
#define CLIENT_FIELDS \
    {"client_id", FIELD_TEXT, 0, 0, 0, "Required unless the client authenticates with Basic or an assertion."}, \
        {"client_secret", FIELD_TEXT, 0, 0, 0, "client_secret_post; or send it with Basic."}, \
        {"client_assertion_type", FIELD_TEXT, 0, 0, 0, "private_key_jwt (RFC 7523): its type."}, { \
        "client_assertion", FIELD_TEXT, 0, 0, 0, "private_key_jwt: the JWT." \
    }

/* The app of a client_id, active or not. ERROR_INVALID_CLIENT when there is none. */
enum error client_find(struct request *request, struct slice client_id, struct app *app);
/* Before a client is refused by what its app has (secret, keys, redirect URIs, being switched off): another server may
 * have changed that a moment ago. Reads an app that came from memory once more. ERROR_NONE when it is another by now,
 * so that the question is worth asking again; else the refusal, or ERROR_STORE_UNAVAILABLE. */
enum error client_renew(struct request *request, struct app *app, enum error refusal);

/* How the caller of a token endpoint proved to be the client. */
struct client {
    struct app app;
    bool is_named;         /* a client_id was given; else nothing below is set */
    bool is_authenticated; /* with the client secret or its key */
};

/* client_secret_basic, client_secret_post, private_key_jwt, or none (client_id alone). Whatever is given is checked:
 * a wrong secret or assertion is always ERROR_INVALID_CLIENT; two methods at once are ERROR_INVALID_REQUEST. An app
 * that insists on a method (token_endpoint_auth_method) is held to it. */
enum error client_check(struct request *request, struct client *client);

#endif
