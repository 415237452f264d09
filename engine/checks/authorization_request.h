/* The authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1): read from
 * the query of /idp/authorize or the form of /idp/login, checked by the same rules. */
#ifndef CHECKS_AUTHORIZATION_REQUEST_H
#define CHECKS_AUTHORIZATION_REQUEST_H

#include "checks/session.h"
#include "server/response.h"
#include "store/record.h"

struct authorization_request {
    bool may_redirect; /* client and redirect_uri are known to be good: errors go there */
    struct app app;
    struct slice redirect_uri, state, code_challenge, nonce; /* absent when not sent */
    const struct value *scopes;
    struct slice prompt; /* as sent */
    bool prompt_none, prompt_login, prompt_consent;
    int64_t max_age_s; /* -1: not asked */
};

/* Checks in the order in which an error may be told: first what decides where errors go. On an
 * error the caller answers authorization_error(). */
enum error authorization_request_check(struct request *request, const struct params *params,
                                       struct authorization_request *asked);

/* An error of an authorization request: a redirect to the app with error, error_description, state
 * and iss (RFC 6749 §4.1.2.1, RFC 9207), or a page when the app is not known for sure. */
struct response authorization_error(struct request *request, const struct authorization_request *asked,
                                    enum error error);

/* A success: the redirect to the app with code, state and iss. */
struct response authorization_success(struct request *request, const struct authorization_request *asked,
                                      struct slice code);

/* Facts of consent and scope policies. */
struct value *authorization_facts(struct request *request, const struct authorization_request *asked,
                                  const struct user *user, const struct value *previous);

#endif
