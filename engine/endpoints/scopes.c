#include "endpoints/endpoints.h"

/* {"scopes": {"<name>": "<description>", …}} in the policy's order. */
struct response endpoint_scopes(struct request *request) {
    struct arena *arena = request->arena;
    struct value *scopes = value_map(arena), *answer = value_map(arena);
    const struct value *catalog = policy_scope_catalog(request->service->policy);
    for (const struct value *scope = catalog->first; scope; scope = scope->next)
        value_set(scopes, value_get_text(scope, "name"), value_text(arena, value_get_text(scope, "description")));
    value_set_value(answer, "scopes", scopes);
    return response_value(request, answer);
}
