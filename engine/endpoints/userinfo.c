/* GET, POST /idp/userinfo (OpenID Connect Core §5.3). */
#include "endpoints/endpoints.h"

#include "checks/access_token.h"
#include "checks/client.h"
#include "policy/facts.h"

const struct field userinfo_fields[] = {
    {"access_token", FIELD_TEXT, 0, 0, 0, "In place of the Authorization header (RFC 6750 §2.2)."},
    {0},
};

struct response endpoint_userinfo(struct request *request) {
    struct access_token token;
    enum error error = access_token_check(request, &token);
    if (error)
        return respond_error(request, error);
    static const char *const sufficient[] = {"openid", "profile", "account:read", "admin"};
    bool permitted = false;
    for (size_t i = 0; i < sizeof(sufficient) / sizeof(*sufficient) && token.has_user; i++)
        permitted = permitted || names_hold(token.scopes, slice_of(sufficient[i]));
    if (!permitted)
        return respond_error(request, ERROR_INSUFFICIENT_SCOPE);

    struct arena *arena = request->arena;
    struct value *facts = facts_of(request);
    facts_add_user(arena, facts, &token.user);
    struct value *app = value_map(arena);
    value_set_text(arena, app, "app_id", token.app_id);
    value_set_text(arena, app, "client_id", token.client_id);
    value_set_value(facts, "app", app);
    value_set_value(facts, "scopes", names_split(arena, token.scopes));
    facts_add_claims(arena, facts, token.claims);
    const struct value *claims = policy_userinfo(request->service->policy, arena, facts);
    if (!claims)
        return respond_error(request, ERROR_POLICY_FAILED);
    return response_value(request, claims);
}
