/* Every way in which a request can fail: status, OAuth code (RFC 6749 §4.1.2.1, §5.2; RFC 6750 §3.1) and
 * public text. One table; the renderer is respond_error (response.h). */
#ifndef SERVER_ERROR_H
#define SERVER_ERROR_H

/* id, status, OAuth code, public text */
#define ERRORS(X) \
    X(NONE, 200, "", "") \
    X(BAD_REQUEST, 400, "invalid_request", "The request is malformed.") \
    X(INVALID_REQUEST, 400, "invalid_request", "The request is malformed.") \
    X(INVALID_CLIENT, 401, "invalid_client", "Client authentication failed.") \
    X(INVALID_GRANT, 400, "invalid_grant", "The grant is invalid, expired or revoked.") \
    X(INVALID_SCOPE, 400, "invalid_scope", "A requested scope is unknown or not allowed.") \
    X(UNAUTHORIZED_CLIENT, 400, "unauthorized_client", "The client may not do this.") \
    X(APP_IS_OFF, 400, "invalid_grant", "This app is switched off.") \
    X(UNSUPPORTED_GRANT_TYPE, 400, "unsupported_grant_type", "This grant type is not supported.") \
    X(UNSUPPORTED_RESPONSE_TYPE, 400, "unsupported_response_type", "Only response_type=code is supported.") \
    X(INVALID_REQUEST_URI, 400, "invalid_request_uri", "The request_uri is not valid or has expired.") \
    X(REQUEST_NOT_SUPPORTED, 400, "request_not_supported", "Request objects are not supported; push the request.") \
    X(INVALID_TARGET, 400, "invalid_target", "A resource is unknown or not allowed.") \
    X(INVALID_DPOP_PROOF, 400, "invalid_dpop_proof", "The DPoP proof is not valid.") \
    X(USE_DPOP_NONCE, 400, "use_dpop_nonce", "The DPoP proof must carry the nonce of this answer.") \
    X(AUTHORIZATION_PENDING, 400, "authorization_pending", "The user has not decided yet.") \
    X(SLOW_DOWN, 400, "slow_down", "Ask less often: five seconds more between two requests.") \
    X(EXPIRED_TOKEN, 400, "expired_token", "The device code has expired. Start anew.") \
    X(DEVICE_DENIED, 400, "access_denied", "The user denied the request.") \
    X(INVALID_CLIENT_METADATA, 400, "invalid_client_metadata", "The client's metadata is not valid.") \
    X(INVALID_REDIRECT_URI, 400, "invalid_redirect_uri", "A redirect URI is not valid.") \
    X(UNMET_AUTHENTICATION, 400, "unmet_authentication_requirements", "The asked-for acr cannot be met.") \
    X(ACCESS_DENIED, 403, "access_denied", "The request was denied.") \
    X(LOGIN_REQUIRED, 401, "login_required", "Sign in first.") \
    X(CONSENT_REQUIRED, 403, "consent_required", "The user has to be asked.") \
    X(INVALID_TOKEN, 401, "invalid_token", "The access token is missing, invalid, expired or revoked.") \
    X(INSUFFICIENT_SCOPE, 403, "insufficient_scope", "The access token's scopes do not permit this.") \
    X(UNAUTHENTICATED, 401, "invalid_token", "Authentication is missing or not valid.") \
    X(FORBIDDEN, 403, "access_denied", "This is not allowed.") \
    X(NOT_FOUND, 404, "invalid_request", "Not found.") \
    X(METHOD_NOT_ALLOWED, 405, "invalid_request", "This method is not allowed here.") \
    X(CONFLICT, 409, "invalid_request", "This exists already.") \
    X(REQUEST_TIMEOUT, 408, "invalid_request", "The rest of the request did not come in time.") \
    X(BODY_TOO_LARGE, 413, "invalid_request", "The body is too large.") \
    X(URI_TOO_LONG, 414, "invalid_request", "The URL is too long.") \
    X(UNSUPPORTED_MEDIA_TYPE, 415, "invalid_request", "The media type of the body is not supported here.") \
    X(VALIDATION, 422, "invalid_request", "A field is missing or not valid.") \
    X(TOO_MANY_REQUESTS, 429, "temporarily_unavailable", "Too many requests. Try again later.") \
    X(HEADERS_TOO_LARGE, 431, "invalid_request", "The headers are too large.") \
    X(POLICY_FAILED, 500, "server_error", "A policy of this server failed; nothing was granted.") \
    X(INTERNAL, 500, "server_error", "Something went wrong here.") \
    X(STORE_UNAVAILABLE, 503, "temporarily_unavailable", "The store cannot be reached. Try again soon.") \
    X(OVERLOADED, 503, "temporarily_unavailable", "Too much to do right now. Try again soon.")

enum error {
#define X(id, status, code, text) ERROR_##id,
    ERRORS(X)
#undef X
        ERROR_COUNT
};

struct error_kind {
    int status;
    const char *oauth_code, *text;
};

const struct error_kind *error_kind(enum error error);

#endif
