#include "checks/quotas.h"

#include "policy/facts.h"
#include "registry/audit.h"

enum error quotas_of(struct request *request, const struct user *user, struct quotas *quotas) {
    struct value *facts = facts_of(request);
    facts_add_user(request->arena, facts, user);
    bool is_decided = policy_quotas(request->service->policy, request->arena, facts, quotas);
    audit_decision(request, facts);
    return is_decided ? ERROR_NONE : ERROR_POLICY_FAILED;
}
