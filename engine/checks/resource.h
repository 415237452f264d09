/* The resources that a token is for (RFC 8707). */
#ifndef CHECKS_RESOURCE_H
#define CHECKS_RESOURCE_H

#include "server/response.h"
#include "store/record.h"

enum { RESOURCES_MAX = 8, RESOURCE_LEN_MAX = 512 };

/* The `resource` parameters, each an absolute URI without fragment that the tokens policy allows this app, separated by
 * spaces; "" when there is none. ERROR_INVALID_TARGET. */
enum error resource_check(struct request *request, const struct params *params, const struct app *app,
                          struct slice *resources);

/* What a token request may name: those of the grant, or fewer (RFC 8707 §2.2). *audience is the grant's when none is
 * named. */
enum error resource_narrow(struct request *request, struct slice granted, struct slice *audience);

#endif
