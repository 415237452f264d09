#include "checks/resource.h"

#include "checks/redirect_uri.h"
#include "policy/facts.h"
#include "registry/audit.h"

/* Each once, separated by spaces. */
static enum error resources_read(struct request *request, const struct params *params, struct slice *resources) {
    struct value *list = value_list(request->arena);
    *resources = SLICE("");
    for (size_t i = 0; i < params->count; i++) {
        struct slice one = params->list[i].value;
        struct uri uri;
        if (!slice_is(params->list[i].name, "resource") || names_hold(*resources, one))
            continue;
        if (one.len > RESOURCE_LEN_MAX || !uri_parse(request->arena, one, &uri) || uri.has_fragment)
            return fail(request, ERROR_INVALID_TARGET, "resource must be an absolute URI without fragment.");
        if (list->count == RESOURCES_MAX)
            return fail(request, ERROR_INVALID_TARGET, "There are more than %d resources.", RESOURCES_MAX);
        value_append_text(request->arena, list, one);
        *resources = names_join(request->arena, list);
    }
    return ERROR_NONE;
}

enum error resource_check(struct request *request, const struct params *params, const struct app *app,
                          struct slice *resources) {
    enum error error = resources_read(request, params, resources);
    struct slice rest = resources->len ? *resources : SLICE_NONE;
    while (!error && slice_is_set(rest)) {
        struct value *facts = facts_of(request);
        facts_add_app(request->arena, facts, app);
        value_set_text(request->arena, facts, "resource", slice_cut(&rest, ' '));
        struct verdict verdict = policy_resource(request->service->policy, request->arena, facts);
        audit_decision(request, facts);
        if (!verdict.allowed)
            error = fail(request, ERROR_INVALID_TARGET, "%.*s", SLICE_ARG(verdict.reason));
    }
    return error;
}

enum error resource_narrow(struct request *request, struct slice granted, struct slice *audience) {
    struct slice asked;
    enum error error = resources_read(request, &request->form, &asked);
    *audience = asked.len ? asked : granted;
    struct slice rest = asked.len ? asked : SLICE_NONE;
    while (!error && slice_is_set(rest))
        if (!names_hold(granted, slice_cut(&rest, ' ')))
            error = fail(request, ERROR_INVALID_TARGET, "The grant is not for this resource.");
    return error;
}
