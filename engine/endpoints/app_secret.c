/* POST /idp/apps/{app_id}/regenerate-secret */
#include "endpoints/endpoints.h"

#include "checks/caller.h"
#include "registry/apps.h"

struct response endpoint_app_secret(struct request *request) {
    struct caller caller;
    struct app app;
    struct slice client_secret;
    enum error error = caller_check(request, &caller);
    if (error || (error = app_find_own(request, request->path_params[0], &caller.user, &app)) ||
        (error = app_renew_secret(request, &app, &(struct app_act){&caller.user, SLICE("secret regenerated")},
                                  &client_secret)))
        return respond_error(request, error);
    struct value *answer = value_map(request->arena);
    value_set_text(request->arena, answer, "app_id", app.app_id);
    value_set_text(request->arena, answer, "client_id", app.client_id);
    value_set_text(request->arena, answer, "client_secret", client_secret);
    return response_value(request, answer);
}
