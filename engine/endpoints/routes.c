#include "endpoints/endpoints.h"

/* A table reads best as a table. */
/* clang-format off */
enum {
    QUIET = ROUTE_QUIET,
    STORED = ROUTE_NO_STORE, /* nowhere */
    OAUTH = ROUTE_NO_STORE | ROUTE_CORS,
    CORS = ROUTE_CORS,
    REPEATED = ROUTE_REPEATED_FIELDS,
};

/* They are tried in this order: what is asked most comes first. */
const struct route routes[] = {
    {"POST", "/idp/token", endpoint_token, BODY_FORM, STYLE_OAUTH, OAUTH, 200, CALLER_CLIENT, NULL, token_fields,
     "Tokens for a code or a refresh token (RFC 6749 §4.1.3, §6)"},
    {"POST", "/idp/token/introspect", endpoint_introspect, BODY_FORM, STYLE_OAUTH, OAUTH | QUIET, 200,
     CALLER_CLIENT, NULL, token_question_fields, "What a token is good for (RFC 7662)"},
    {"POST", "/idp/token/revoke", endpoint_revoke, BODY_FORM, STYLE_OAUTH, OAUTH, 200, CALLER_CLIENT, NULL,
     token_question_fields, "Ends a token; a refresh token takes its family along (RFC 7009)"},
    {"GET", "/idp/userinfo", endpoint_userinfo, BODY_NONE, STYLE_OAUTH, OAUTH | QUIET, 200, CALLER_TOKEN, NULL, NULL,
     "Claims of the user (OpenID Connect Core §5.3)"},
    {"POST", "/idp/userinfo", endpoint_userinfo, BODY_FORM, STYLE_OAUTH, OAUTH | QUIET, 200, CALLER_TOKEN, NULL,
     userinfo_fields, "The same"},

    {"GET", "/idp/authorize", endpoint_authorize, BODY_NONE, STYLE_PAGE, STORED, 200, CALLER_BROWSER,
     authorize_fields, NULL, "Begins a sign-in (RFC 6749 §4.1.1)"},
    {"POST", "/idp/login", endpoint_login, BODY_FORM, STYLE_PAGE, STORED, 303, CALLER_ANYBODY, NULL, login_fields,
     "The sign-in page's form"},
    {"GET", "/idp/authorize/consent", endpoint_consent_page, BODY_NONE, STYLE_PAGE, STORED, 200, CALLER_BROWSER,
     consent_query_fields, NULL, "The consent page"},
    {"POST", "/idp/authorize/consent", endpoint_consent, BODY_FORM, STYLE_PAGE, STORED | REPEATED, 303,
     CALLER_BROWSER, consent_query_fields, consent_fields, "Its answer"},
    {"GET", "/idp/scopes", endpoint_scopes, BODY_NONE, STYLE_JSON, QUIET | CORS, 200, CALLER_ANYBODY, NULL, NULL,
     "The scopes there are, in words"},
    {"GET", "/idp/cli_login/nonce", endpoint_cli_login_nonce, BODY_NONE, STYLE_JSON, QUIET | STORED, 200,
     CALLER_ANYBODY, NULL, NULL, "A nonce to sign with a hotkey"},
    {"GET", "/idp/cli_login", endpoint_cli_login, BODY_NONE, STYLE_PAGE, STORED, 302, CALLER_ANYBODY,
     cli_login_fields, NULL, "Signs in with a signed nonce; sets the SSO cookie"},

    {"GET", "/idp/apps", endpoint_app_list, BODY_NONE, STYLE_JSON, QUIET | STORED, 200, CALLER_USER,
     app_list_fields, NULL, "Your apps, public ones and those shared with you, as the listing policy decides"},
    {"POST", "/idp/apps", endpoint_app_create, BODY_JSON, STYLE_JSON, STORED, 200, CALLER_USER, NULL, app_fields,
     "Makes an app; its client_secret is shown once"},
    {"GET", "/idp/apps/{app_id}", endpoint_app_get, BODY_NONE, STYLE_JSON, QUIET | STORED, 200, CALLER_USER, NULL,
     NULL, "An app by app_id or client_id: own, public or shared with you"},
    {"PATCH", "/idp/apps/{app_id}", endpoint_app_change, BODY_JSON, STYLE_JSON, STORED, 200, CALLER_USER, NULL,
     app_fields, "Changes the fields that are sent"},
    {"DELETE", "/idp/apps/{app_id}", endpoint_app_delete, BODY_NONE, STYLE_JSON, STORED, 200, CALLER_USER, NULL,
     NULL, "Deletes an app; its tokens stop at once"},
    {"POST", "/idp/apps/{app_id}/regenerate-secret", endpoint_app_secret, BODY_NONE, STYLE_JSON, STORED, 200,
     CALLER_USER, NULL, NULL, "A new client_secret, shown once; the old one stops at once"},
    {"POST", "/idp/apps/{app_id}/share", endpoint_app_share, BODY_JSON, STYLE_JSON, STORED, 200, CALLER_USER, NULL,
     app_share_fields, "Shows an app to one more user"},
    {"DELETE", "/idp/apps/{app_id}/share/{user_id}", endpoint_app_unshare, BODY_NONE, STYLE_JSON, STORED, 200,
     CALLER_USER, NULL, NULL, "Takes that back"},
    {"GET", "/idp/apps/{app_id}/shares", endpoint_app_shares, BODY_NONE, STYLE_JSON, QUIET | STORED, 200,
     CALLER_USER, NULL, NULL, "With whom an app is shared"},

    {"GET", "/idp/authorizations", endpoint_authorization_list, BODY_NONE, STYLE_JSON, QUIET | STORED, 200,
     CALLER_USER, authorization_list_fields, NULL, "What you have allowed which app, the newest first"},
    {"DELETE", "/idp/authorizations/{app_id}", endpoint_authorization_revoke, BODY_NONE, STYLE_JSON, STORED, 200,
     CALLER_USER, NULL, NULL, "Takes back all that you have allowed an app; its tokens for you stop at once"},

    {"GET", "/", endpoint_home, BODY_NONE, STYLE_PAGE, STORED, 200, CALLER_ANYBODY, NULL, NULL,
     "What is running here"},
    {"GET", "/assets/{name}", endpoint_asset, BODY_NONE, STYLE_JSON, QUIET, 200, CALLER_ANYBODY, NULL, NULL,
     "Styles and scripts of the pages"},
    {"GET", "/demo", endpoint_demo, BODY_NONE, STYLE_PAGE, STORED, 302, CALLER_ANYBODY, NULL, NULL,
     "Try signing in (with --demo)"},
    {"GET", "/demo/callback", endpoint_demo_back, BODY_NONE, STYLE_PAGE, STORED, 200, CALLER_ANYBODY,
     demo_back_fields, NULL, "Where the demo's sign-in comes back (with --demo)"},
    {"GET", "/openapi.json", endpoint_openapi, BODY_NONE, STYLE_JSON, QUIET | CORS, 200, CALLER_ANYBODY, NULL, NULL,
     "This document"},
    {"GET", "/healthz", endpoint_healthz, BODY_NONE, STYLE_JSON, QUIET | STORED, 200, CALLER_ANYBODY, NULL, NULL,
     "Whether the process lives"},
    {"GET", "/readyz", endpoint_readyz, BODY_NONE, STYLE_JSON, QUIET | STORED, 200, CALLER_ANYBODY, NULL, NULL,
     "Whether it can serve: the store answers, nothing is shutting down"},
    {"GET", "/metrics", endpoint_metrics, BODY_NONE, STYLE_JSON, QUIET | STORED, 200, CALLER_ANYBODY, NULL, NULL,
     "Prometheus text"},
    {0},
};
/* clang-format on */
