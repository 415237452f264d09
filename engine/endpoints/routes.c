#include "endpoints/endpoints.h"

/* A table reads best as a table. */
/* clang-format off */
enum {
    PAGE = ROUTE_NO_STORE,
    OAUTH = ROUTE_NO_STORE | ROUTE_CORS,
};

const struct route routes[] = {
    {"GET",  "/",                        endpoint_home,            BODY_NONE, STYLE_PAGE,  PAGE},
    {"GET",  "/assets/{name}",           endpoint_asset,           BODY_NONE, STYLE_JSON,  ROUTE_QUIET},
    {"GET",  "/demo",                    endpoint_demo,            BODY_NONE, STYLE_PAGE,  PAGE},
    {"GET",  "/demo/callback",           endpoint_demo_back,       BODY_NONE, STYLE_PAGE,  PAGE},
    {"GET",  "/healthz",                 endpoint_healthz,         BODY_NONE, STYLE_JSON,  ROUTE_QUIET | ROUTE_NO_STORE},
    {"GET",  "/readyz",                  endpoint_readyz,          BODY_NONE, STYLE_JSON,  ROUTE_QUIET | ROUTE_NO_STORE},
    {"GET",  "/metrics",                 endpoint_metrics,         BODY_NONE, STYLE_JSON,  ROUTE_QUIET | ROUTE_NO_STORE},
    {"GET",  "/idp/scopes",              endpoint_scopes,          BODY_NONE, STYLE_JSON,  ROUTE_QUIET | ROUTE_CORS},
    {"GET",  "/idp/cli_login/nonce",     endpoint_cli_login_nonce, BODY_NONE, STYLE_JSON,  ROUTE_QUIET | ROUTE_NO_STORE},
    {"GET",  "/idp/cli_login",           endpoint_cli_login,       BODY_NONE, STYLE_PAGE,  PAGE},
    {"GET",  "/idp/apps",                endpoint_app_list,        BODY_NONE, STYLE_JSON,  ROUTE_QUIET | ROUTE_NO_STORE},
    {"POST", "/idp/apps",                endpoint_app_create,      BODY_JSON, STYLE_JSON,  ROUTE_NO_STORE},
    {"GET",  "/idp/apps/{app_id}",       endpoint_app_get,         BODY_NONE, STYLE_JSON,  ROUTE_QUIET | ROUTE_NO_STORE},
    {"PATCH", "/idp/apps/{app_id}",      endpoint_app_change,      BODY_JSON, STYLE_JSON,  ROUTE_NO_STORE},
    {"DELETE", "/idp/apps/{app_id}",     endpoint_app_delete,      BODY_NONE, STYLE_JSON,  ROUTE_NO_STORE},
    {"POST", "/idp/apps/{app_id}/regenerate-secret", endpoint_app_secret, BODY_NONE, STYLE_JSON, ROUTE_NO_STORE},
    {"POST", "/idp/apps/{app_id}/share", endpoint_app_share,       BODY_JSON, STYLE_JSON,  ROUTE_NO_STORE},
    {"DELETE", "/idp/apps/{app_id}/share/{user_id}", endpoint_app_unshare, BODY_NONE, STYLE_JSON, ROUTE_NO_STORE},
    {"GET",  "/idp/apps/{app_id}/shares", endpoint_app_shares,     BODY_NONE, STYLE_JSON,  ROUTE_QUIET | ROUTE_NO_STORE},
    {"GET",  "/idp/authorizations",      endpoint_authorization_list, BODY_NONE, STYLE_JSON, ROUTE_QUIET | ROUTE_NO_STORE},
    {"DELETE", "/idp/authorizations/{app_id}", endpoint_authorization_revoke, BODY_NONE, STYLE_JSON, ROUTE_NO_STORE},
    {"GET",  "/idp/authorize",           endpoint_authorize,       BODY_NONE, STYLE_PAGE,  PAGE},
    {"POST", "/idp/login",               endpoint_login,           BODY_FORM, STYLE_PAGE,  PAGE},
    {"GET",  "/idp/authorize/consent",   endpoint_consent_page,    BODY_NONE, STYLE_PAGE,  PAGE},
    {"POST", "/idp/authorize/consent",   endpoint_consent,         BODY_FORM, STYLE_PAGE,  PAGE | ROUTE_REPEATED_FIELDS},
    {"POST", "/idp/token",               endpoint_token,           BODY_FORM, STYLE_OAUTH, OAUTH},
    {"POST", "/idp/token/revoke",        endpoint_revoke,          BODY_FORM, STYLE_OAUTH, OAUTH},
    {"POST", "/idp/token/introspect",    endpoint_introspect,      BODY_FORM, STYLE_OAUTH, OAUTH | ROUTE_QUIET},
    {"GET",  "/idp/userinfo",            endpoint_userinfo,        BODY_NONE, STYLE_OAUTH, OAUTH | ROUTE_QUIET},
    {"POST", "/idp/userinfo",            endpoint_userinfo,        BODY_FORM, STYLE_OAUTH, OAUTH | ROUTE_QUIET},
    {0},
};
/* clang-format on */
