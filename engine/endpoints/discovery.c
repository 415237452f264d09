/* What this server is and can do: /.well-known/openid-configuration (OpenID Connect Discovery §3),
 * /.well-known/oauth-authorization-server (RFC 8414), and its public keys (RFC 7517 §5). From memory. */
#include "endpoints/endpoints.h"

#include "base/json.h"
#include "checks/client.h"
#include "registry/signing_keys.h"

/* member → path of the route */
static const struct {
    const char *name, *path;
} endpoints[] = {
    {"authorization_endpoint", "/idp/authorize"},
    {"token_endpoint", "/idp/token"},
    {"userinfo_endpoint", "/idp/userinfo"},
    {"jwks_uri", "/idp/jwks"},
    {"registration_endpoint", "/idp/register"},
    {"introspection_endpoint", "/idp/token/introspect"},
    {"revocation_endpoint", "/idp/token/revoke"},
    {"pushed_authorization_request_endpoint", "/idp/par"},
    {"device_authorization_endpoint", "/idp/device_authorization"},
    {"end_session_endpoint", "/idp/logout"},
    {"service_documentation", "/openapi.json"},
};

/* member → words, separated by spaces */
static const struct {
    const char *name, *words;
} lists[] = {
    {"response_types_supported", "code"},
    {"response_modes_supported", "query form_post"},
    {"grant_types_supported", GRANT_TYPES},
    {"subject_types_supported", "public"},
    {"id_token_signing_alg_values_supported", SIGNING_ALGS},
    {"token_endpoint_auth_methods_supported", CLIENT_AUTH_METHODS},
    {"token_endpoint_auth_signing_alg_values_supported", DPOP_ALGS},
    {"introspection_endpoint_auth_methods_supported", CLIENT_AUTH_METHODS},
    {"introspection_endpoint_auth_signing_alg_values_supported", DPOP_ALGS},
    {"revocation_endpoint_auth_methods_supported", CLIENT_AUTH_METHODS},
    {"revocation_endpoint_auth_signing_alg_values_supported", DPOP_ALGS},
    {"code_challenge_methods_supported", "S256"},
    {"dpop_signing_alg_values_supported", DPOP_ALGS},
    {"prompt_values_supported", "none login consent select_account"},
    {"claim_types_supported", "normal"},
    {"claims_supported", "iss sub aud exp iat auth_time nonce at_hash sid amr username created_at"},
    {"display_values_supported", "page"},
};

static const struct {
    const char *name;
    bool is;
} switches[] = {
    {"claims_parameter_supported", true},
    {"request_parameter_supported", false},
    {"request_uri_parameter_supported", false}, /* of request objects; a pushed request's is another matter */
    {"require_pushed_authorization_requests", false},
    {"authorization_response_iss_parameter_supported", true}, /* RFC 9207 */
    {"backchannel_logout_supported", true},
    {"backchannel_logout_session_supported", true},
};

void discovery_write(struct buffer *json, const struct service *service) {
    struct arena *arena = json->arena;
    struct value *document = value_map(arena), *scopes = value_list(arena), *languages = value_list(arena);
    struct slice issuer = service->settings->issuer;
    value_set_text(arena, document, "issuer", issuer);
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(*endpoints); i++)
        value_set_text(arena, document, endpoints[i].name,
                       arena_printf(arena, "%.*s%s", SLICE_ARG(issuer), endpoints[i].path));
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        value_set_value(document, lists[i].name, names_split(arena, slice_of(lists[i].words)));
    for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++)
        value_set_bool(arena, document, switches[i].name, switches[i].is);
    const struct value *catalog = policy_scope_catalog(service->policy);
    for (const struct value *scope = catalog->first; scope; scope = scope->next)
        value_append_text(arena, scopes, value_get_text(scope, "name"));
    value_set_value(document, "scopes_supported", scopes);
    for (size_t i = 0; i < language_count(pages_languages(service->pages)); i++)
        value_append_text(arena, languages, language_tag(language_at(pages_languages(service->pages), i)));
    value_set_value(document, "ui_locales_supported", languages);
    json_write(json, document);
}

struct response endpoint_discovery(struct request *request) {
    struct response response = response_json(request->service->discovery);
    response_header(&response, "cache-control", SLICE("public, max-age=300"));
    return response;
}

/* Whoever keeps it for half of a new key's lead knows that key before it signs. */
struct response endpoint_jwks(struct request *request) {
    enum { KEEP_MAX_S = 3600 };
    struct response response = response_json(signing_jwks(request->service->signing));
    int64_t half_s = request->service->settings->key_lead_s / 2, keep_s = half_s < KEEP_MAX_S ? half_s : KEEP_MAX_S;
    response_header(&response, "cache-control",
                    arena_printf(request->arena, "public, max-age=%lld", (long long)keep_s));
    return response;
}
