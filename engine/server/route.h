/* The route table: every endpoint as data. The table itself is endpoints/routes.c. */
#ifndef SERVER_ROUTE_H
#define SERVER_ROUTE_H

#include "server/response.h"

typedef struct response endpoint(struct request *request);

enum error_style {
    STYLE_JSON /* {"detail"} */,
    STYLE_OAUTH /* {"error", "error_description"} */,
    STYLE_PAGE /* HTML, or JSON if the client asks for it */
};
enum body_kind { BODY_NONE, BODY_FORM, BODY_JSON };

enum route_flags {
    ROUTE_CORS = 1,            /* Access-Control-Allow-Origin: * and preflight (contract §6) */
    ROUTE_NO_STORE = 2,        /* Cache-Control: no-store */
    ROUTE_QUIET = 4,           /* a successful answer is logged at debug only */
    ROUTE_REPEATED_FIELDS = 8, /* a form field may come several times (check boxes); params_get gives the first */
};

/* Who may call, for the documentation; the endpoint's own checks decide. */
enum route_caller {
    CALLER_ANYBODY,
    CALLER_USER,    /* checks/caller.h */
    CALLER_CLIENT,  /* an OAuth client: secret, PKCE or nothing (checks/client.h) */
    CALLER_TOKEN,   /* an access token */
    CALLER_BROWSER, /* the SSO cookie */
    CALLER_PAGE,    /* the same; others are sent to sign in and come back (checks/page_session.h) */
};

struct field;

struct route {
    const char *method; /* GET also serves HEAD */
    const char *path;   /* "/idp/apps/{app_id}": a {…} segment matches one segment without a slash */
    endpoint *run;
    enum body_kind body;
    enum error_style style;
    unsigned flags;

    /* for /openapi.json; the field tables are those that the endpoint validates with */
    int status; /* of success */
    enum route_caller caller;
    const struct field *query, *fields; /* of the query, of the body; NULL: none */
    const char *summary;
};

/* Ends with method == NULL. */
extern const struct route routes[];

/* The document of /.well-known/openid-configuration, of what the service has: written once a generation. */
void discovery_write(struct buffer *json, const struct service *service);

/* The route of a method and raw path, with request->path_params filled. NULL when there is none:
 * then *allow is "GET, POST" when the path is known with other methods, else absent. *near is a
 * route of the same path (its style and flags render the 405 and answer OPTIONS), or NULL. */
const struct route *route_find(struct request *request, struct slice *allow, const struct route **near);

/* Runs the request on its route and gives the answer: parses query and body as the route says,
 * calls the endpoint, adds the headers that the route's flags ask for, logs and counts. Everything
 * of an exchange that is not the wire; the server calls it on a fiber, the fuzzer plainly. */
struct response route_run(struct request *request);

/* A refusal before the endpoint could start, in the shape and with the headers of its route. */
struct response route_refuse(struct request *request, enum error error);

#endif
