#include "checks/app_view.h"

#include "checks/app_json.h"
#include "policy/facts.h"

static struct value *viewer_facts(struct request *request, const struct user *viewer) {
    struct value *facts = facts_of(request);
    facts_add_user(request->arena, facts, viewer);
    return facts;
}

enum error app_listing_decide(struct request *request, const struct user *viewer, const struct value *asked,
                              struct listing_decision *decision) {
    static const char *const names[] = {"include_public", "include_shared", "order"};
    struct value *facts = viewer_facts(request, viewer);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (value_get(asked, names[i]))
            value_set_value(facts, names[i], value_copy(request->arena, value_get(asked, names[i])));
    return policy_listing(request->service->policy, request->arena, facts, decision) ? ERROR_NONE : ERROR_POLICY_FAILED;
}

bool app_order_is_valid(struct slice order) {
    return slice_is(order, "newest") || slice_is(order, "name") || slice_is(order, "popular");
}

struct value *app_shown(struct request *request, const struct user *viewer, const struct app *app) {
    return policy_present(request->service->policy, request->arena, app_json(request->arena, app),
                          viewer_facts(request, viewer));
}
