/* The endpoints: one function per method and path, in a file of its own; routes.c lists them. Each
 * reads from top to bottom in the order of the protocol, on a fiber. */
#ifndef ENDPOINTS_ENDPOINTS_H
#define ENDPOINTS_ENDPOINTS_H

#include "checks/app_rules.h"
#include "server/route.h"

endpoint endpoint_home;      /* GET / */
endpoint endpoint_asset;     /* GET /assets/{name} */
endpoint endpoint_demo;      /* GET /demo */
endpoint endpoint_demo_back; /* GET /demo/callback */

endpoint endpoint_scopes;          /* GET /idp/scopes */
endpoint endpoint_cli_login_nonce; /* GET /idp/cli_login/nonce */
endpoint endpoint_cli_login;       /* GET /idp/cli_login */

endpoint endpoint_users_me; /* GET /users/me */

endpoint endpoint_passkey_challenge; /* GET /idp/passkey/challenge */
endpoint endpoint_related_origins;   /* GET /.well-known/webauthn */
endpoint endpoint_app_list;          /* GET /idp/apps */
endpoint endpoint_app_create;        /* POST /idp/apps */
endpoint endpoint_app_get;           /* GET /idp/apps/{app_id} */
endpoint endpoint_app_change;        /* PATCH /idp/apps/{app_id} */
endpoint endpoint_app_delete;        /* DELETE /idp/apps/{app_id} */
endpoint endpoint_app_secret;        /* POST /idp/apps/{app_id}/regenerate-secret */
endpoint endpoint_app_share;         /* POST /idp/apps/{app_id}/share */
endpoint endpoint_app_unshare;       /* DELETE /idp/apps/{app_id}/share/{user_id} */
endpoint endpoint_app_shares;        /* GET /idp/apps/{app_id}/shares */

endpoint endpoint_account;                /* GET /account */
endpoint endpoint_account_sessions_page;  /* GET /account/sessions */
endpoint endpoint_account_sessions;       /* POST /account/sessions */
endpoint endpoint_account_connected_page; /* GET /account/connected */
endpoint endpoint_account_connected;      /* POST /account/connected */
endpoint endpoint_account_apps_page;      /* GET /account/apps */
endpoint endpoint_account_app_new;        /* GET /account/new-app */
endpoint endpoint_account_app_create;     /* POST /account/apps */
endpoint endpoint_account_app_page;       /* GET /account/apps/{app_id} */
endpoint endpoint_account_app;            /* POST /account/apps/{app_id} */
endpoint endpoint_account_keys_page;      /* GET /account/keys */
endpoint endpoint_account_keys;           /* POST /account/keys */
endpoint endpoint_account_passkeys_page;  /* GET /account/passkeys */
endpoint endpoint_account_passkeys;       /* POST /account/passkeys */
endpoint endpoint_account_directory;      /* GET /account/directory */

endpoint endpoint_register;       /* POST /idp/register */
endpoint endpoint_client_get;     /* GET /idp/register/{client_id} */
endpoint endpoint_client_replace; /* PUT /idp/register/{client_id} */
endpoint endpoint_client_delete;  /* DELETE /idp/register/{client_id} */

endpoint endpoint_authorization_list;   /* GET /idp/authorizations */
endpoint endpoint_authorization_revoke; /* DELETE /idp/authorizations/{app_id} */

endpoint endpoint_authorize;            /* GET /idp/authorize */
endpoint endpoint_login_page;           /* GET /idp/login */
endpoint endpoint_login;                /* POST /idp/login */
endpoint endpoint_consent_page;         /* GET /idp/authorize/consent */
endpoint endpoint_consent;              /* POST /idp/authorize/consent */
endpoint endpoint_logout_page;          /* GET /idp/logout */
endpoint endpoint_logout;               /* POST /idp/logout */
endpoint endpoint_sessions_end;         /* DELETE /idp/sessions */
endpoint endpoint_token;                /* POST /idp/token */
endpoint endpoint_revoke;               /* POST /idp/token/revoke */
endpoint endpoint_introspect;           /* POST /idp/token/introspect */
endpoint endpoint_userinfo;             /* GET, POST /idp/userinfo */
endpoint endpoint_par;                  /* POST /idp/par */
endpoint endpoint_device_authorization; /* POST /idp/device_authorization */
endpoint endpoint_device_page;          /* GET /idp/device */
endpoint endpoint_device;               /* POST /idp/device */
endpoint endpoint_discovery; /* GET /.well-known/openid-configuration, /.well-known/oauth-authorization-server */
endpoint endpoint_jwks;      /* GET /idp/jwks */
endpoint endpoint_healthz;   /* GET /healthz */
endpoint endpoint_readyz;    /* GET /readyz */
endpoint endpoint_metrics;   /* GET /metrics */

endpoint endpoint_admin;               /* GET /admin */
endpoint endpoint_admin_users;         /* GET /admin/users */
endpoint endpoint_admin_user;          /* GET /admin/users/{user_id} */
endpoint endpoint_admin_user_sign_out; /* POST /admin/users/{user_id}/sign-out */
endpoint endpoint_admin_apps;          /* GET /admin/apps */
endpoint endpoint_admin_app;           /* GET /admin/apps/{app_id} */
endpoint endpoint_admin_app_switch;    /* POST /admin/apps/{app_id}/switch */
endpoint endpoint_admin_audit;         /* GET /admin/audit */
endpoint endpoint_admin_audit_csv;     /* GET /admin/audit.csv */
endpoint endpoint_admin_audit_jsonl;   /* GET /admin/audit.jsonl */

endpoint endpoint_openapi; /* GET /openapi.json */

/* What the endpoints take, each table beside its endpoint. */
extern const struct field account_app_fields[], account_connected_fields[], account_directory_fields[],
    account_key_fields[], account_page_fields[], account_passkey_fields[], account_session_fields[], app_list_fields[],
    app_share_fields[], authorization_list_fields[], authorize_fields[], cli_login_fields[], passkey_challenge_fields[],
    logout_query_fields[], logout_fields[], consent_query_fields[], consent_fields[], demo_back_fields[],
    device_authorization_fields[], device_fields[], device_query_fields[], login_fields[], login_query_fields[],
    logout_query_fields[], logout_fields[], par_fields[], token_fields[], token_question_fields[], userinfo_fields[];
extern const struct field admin_fields[], admin_users_fields[], admin_form_fields[], admin_apps_fields[],
    admin_switch_fields[], admin_audit_fields[], admin_export_fields[];

#endif
