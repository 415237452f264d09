/* The authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1, RFC 8707 §2, RFC 9449 §10):
 * read from the query of /idp/authorize, the form of /idp/login, the body of /idp/par or what was sealed of one, and
 * checked by the same rules. */
#ifndef CHECKS_AUTHORIZATION_REQUEST_H
#define CHECKS_AUTHORIZATION_REQUEST_H

#include "checks/session.h"
#include "server/response.h"
#include "store/record.h"

struct authorization_request {
    bool may_redirect; /* client and redirect_uri are known to be good: errors go there */
    bool is_form_post; /* the answer is posted to the redirect_uri by the browser (response_mode) */
    struct app app;
    struct params params;   /* its parameters, each under its own name, less request_uri */
    struct slice pushed_id; /* of a pushed request (RFC 9126), which gives one code; absent: it came by the browser */
    int64_t pushed_until_s; /* and its end */
    struct slice
        device_id; /* of a device's request (RFC 8628; device_request.h), which is not redirected; absent: none */
    struct slice user_code; /* that it shows */
    int64_t device_until_s;
    struct slice redirect_uri, state, code_challenge, nonce; /* absent when not sent */
    struct slice claims;    /* JSON (OpenID Connect Core §5.5); absent when not sent */
    struct slice dpop_jkt;  /* of the key that the code is to be bound to; absent when not sent */
    struct slice resources; /* separated by spaces; "" when none is named */
    const struct value *scopes;
    struct slice prompt; /* as sent */
    bool prompt_none, prompt_login, prompt_consent;
    int64_t max_age_s;    /* -1: not asked */
    struct slice subject; /* the user_id that must sign in (id_token_hint, the claim sub); absent: whoever does */
};

/* The parameters that an authorization request may have, less request_uri; ends with NULL. */
extern const char *const authorization_parameters[];

/* Those among `from`. */
struct params authorization_params(struct arena *arena, const struct params *from);

/* Checks in the order in which an error may be told: first what decides where errors go. On an error the caller answers
 * authorization_error(). A request_uri is taken for what it stands for. */
enum error authorization_query_check(struct request *request, struct authorization_request *asked);
/* The same for the form of our login page, where `nonce` is the wallet's, `oidc_nonce` the request's, and response_type
 * goes without saying. */
enum error authorization_login_check(struct request *request, struct authorization_request *asked);

/* The same for what must not name another request: a request that is being pushed (RFC 9126 §2.1), or was sealed.
 * `place` ("query", "body") is for the 422 answer. */
enum error authorization_params_check(struct request *request, const struct params *params, const char *place,
                                      struct authorization_request *asked);

/* Whether this user may answer it: ERROR_LOGIN_REQUIRED when somebody else was asked for. */
enum error authorization_subject_check(struct request *request, const struct authorization_request *asked,
                                       const struct user *user);

/* An error of an authorization request: to the app with error, error_description, state and iss (RFC 6749 §4.1.2.1,
 * RFC 9207), or a page when the app is not known for sure. */
struct response authorization_error(struct request *request, const struct authorization_request *asked,
                                    enum error error);

/* A success: to the app with code, state and iss. */
struct response authorization_success(struct request *request, const struct authorization_request *asked,
                                      struct slice code);

/* As policies know it. */
const char *authorization_grant_type(const struct authorization_request *asked);

/* Facts of consent and scope policies. */
struct value *authorization_facts(struct request *request, const struct authorization_request *asked,
                                  const struct user *user, const struct value *previous);

#endif
