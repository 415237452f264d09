#include "registry/ceilings.h"

#include "base/budget.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "server/response.h"

enum {
    NETWORK_PREFIX6 = 48, /* what a site is given: who has one has 65,536 times a /64 */
    TEN_MINUTES_S = 600,
    MINUTE_S = 60,

    REGISTERING_NETWORKS = 30, /* so many that register what each may have all that there is */

    /* Of a network the first refusals come out of a total of their own, two thirds of all: so whoever makes a mistake
     * now and then finds it, unless fifty networks flood at that moment. What goes on takes part in the rest, of which
     * no app has more than two fifths. */
    REFUSALS_FIRST = 20,
    REFUSALS_MORE = 80,
    REFUSALS_OF_USER = 100, /* is known, and can be stopped */
};

/* The kinds of keys. */
enum {
    DEVICE = 'd',
    REGISTRATION = 'r',
    PROOF_NETWORK = 'p',
    PROOF_OWNER = 'o',
    FIRST = 'f',
    MORE = 'm',
    APP = 'c',
    USER = 'i',
};

static enum error limited(struct request *request, enum metric metric, int64_t wait_s, const char *text) {
    metric_add(metric, 1);
    request->retry_after_s = wait_s;
    return fail(request, ERROR_TOO_MANY_REQUESTS, "%s", text);
}

static int64_t network_take(const struct request *request, char kind, int64_t most, int64_t seconds) {
    const struct budget budget = {most, seconds};
    return budget_take(&budget, budget_key_network(kind, request->address, NETWORK_PREFIX6), clock_now_s(), NULL);
}

static int64_t take(char kind, struct slice who, int64_t most, int64_t seconds) {
    const struct budget budget = {most, seconds};
    return budget_take(&budget, budget_key(kind, who), clock_now_s(), NULL);
}

static int64_t total_take(struct budget_count *total, int64_t most) {
    const struct budget budget = {most, TEN_MINUTES_S};
    return budget_take_total(&budget, total, clock_now_s());
}

/* A row for ten minutes; how many of an app may wait says device_authorization.c. */
static enum error device_code_check(struct request *request) {
    int64_t most = request->service->settings->device_codes_per_address_max;
    int64_t wait_s = network_take(request, DEVICE, most, TEN_MINUTES_S);
    return wait_s ? limited(request, METRIC_device_codes_limited, wait_s,
                            "Too many devices have asked for a code from this address. Try again later.")
                  : ERROR_NONE;
}

/* A row for ever, where the operator lets anybody register. */
static enum error registration_check(struct request *request) {
    static struct budget_count total;
    int64_t most = request->service->settings->registrations_per_address_max;
    int64_t wait_s = network_take(request, REGISTRATION, most, TEN_MINUTES_S);
    if (!wait_s)
        wait_s = total_take(&total, most * REGISTERING_NETWORKS);
    return wait_s ? limited(request, METRIC_registrations_limited, wait_s,
                            "Too many clients have been registered. Try again later.")
                  : ERROR_NONE;
}

enum error ceiling_check(struct request *request, enum ceiling ceiling) {
    return ceiling == CEILING_DEVICE_CODE ? device_code_check(request) : registration_check(request);
}

/* Both take part, lest one token's owner spends what others of the same client have, or a client what its neighbours
 * have. */
enum error ceiling_proof_check(struct request *request, struct slice whose) {
    int64_t most = request->service->settings->proofs_per_address_max;
    int64_t wait_s = network_take(request, PROOF_NETWORK, most, MINUTE_S);
    if (!wait_s)
        wait_s = take(PROOF_OWNER, whose, most, MINUTE_S);
    return wait_s ? limited(request, METRIC_proofs_limited, wait_s, "Too many proofs in a minute. Try again later.")
                  : ERROR_NONE;
}

static bool stranger_fits(const struct request *request, bool is_common) {
    static struct budget_count first, more;
    int64_t told = request->service->settings->refusals_told_max, most_first = told - told / 3;
    struct slice app = slice_is_set(request->about.app_id) ? request->about.app_id : SLICE("");
    if (!told)
        return true;
    if (!is_common && !network_take(request, FIRST, REFUSALS_FIRST, TEN_MINUTES_S) && !total_take(&first, most_first))
        return true;
    int64_t most_more = told / 3, most_of_app = most_more * 2 / 5;
    return most_of_app && !network_take(request, MORE, REFUSALS_MORE, TEN_MINUTES_S) &&
           !take(APP, app, most_of_app, TEN_MINUTES_S) && !total_take(&more, most_more);
}

bool ceiling_refusal_fits(const struct request *request, const struct slice *user_id, bool is_common) {
    if (user_id)
        return !take(USER, *user_id, REFUSALS_OF_USER, TEN_MINUTES_S);
    return stranger_fits(request, is_common);
}
