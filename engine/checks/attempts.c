#include "checks/attempts.h"

#include "base/clock.h"
#include "base/metrics.h"

enum { PREFIX6 = 64 };

static struct budget budget_of(const struct login_limit *limit) {
    return (struct budget){limit->attempts, limit->seconds};
}

static enum error limited(struct request *request, int64_t wait_s) {
    metric_add(METRIC_sign_ins_limited, 1);
    request->retry_after_s = wait_s;
    if (wait_s == 1) /* others are under way: not all of them need fail */
        return fail(request, ERROR_TOO_MANY_REQUESTS, "Too many requests. Try again later.");
    int64_t minutes = (wait_s + 59) / 60;
    return fail(request, ERROR_TOO_MANY_REQUESTS, "%.*s %lld %.*s.",
                SLICE_ARG(response_phrase(request, "Too many attempts have failed. Try again in")), (long long)minutes,
                SLICE_ARG(response_phrase(request, minutes == 1 ? "minute" : "minutes")));
}

enum error attempt_begin(struct request *request, struct slice account, struct attempt *attempt) {
    struct login_limits limits = policy_login_limits(request->service->policy);
    struct budget of_address = budget_of(&limits.address), of_account = budget_of(&limits.account);
    uint64_t address = budget_key_network('s', request->address, PREFIX6);
    int64_t now_s = clock_now_s();
    *attempt = (struct attempt){0};
    int64_t wait_s = budget_take(&of_address, address, now_s, &attempt->address);
    if (!wait_s && slice_is_set(account)) {
        const uint64_t pair[] = {address, budget_key('u', account)};
        uint64_t key = budget_key('a', (struct slice){(const char *)pair, sizeof(pair)});
        if ((wait_s = budget_take(&of_account, key, now_s, &attempt->account)))
            budget_settle(&attempt->address, true);
    }
    return wait_s ? limited(request, wait_s) : ERROR_NONE;
}

void attempt_end(const struct attempt *attempt, bool has_failed) {
    budget_settle(&attempt->address, !has_failed);
    budget_settle(&attempt->account, !has_failed);
}
