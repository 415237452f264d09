#include "checks/csrf.h"

enum error csrf_check(struct request *request) {
    struct slice site = request->sec_fetch_site, origin = request->origin;
    if (slice_is_set(site) && !slice_is(site, "same-origin") && !slice_is(site, "none"))
        return fail(request, ERROR_FORBIDDEN, "This form was sent by another site.");
    if (slice_is_set(origin) && !slice_is(origin, "null") && !slice_equal(origin, request->service->settings->issuer) &&
        !slice_is_set(site))
        return fail(request, ERROR_FORBIDDEN, "This form was sent by another site.");
    return ERROR_NONE;
}
