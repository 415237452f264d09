/* POST /idp/apps and GET /idp/apps/{app_id}. */
#include "endpoints/app_json.h"
#include "endpoints/endpoints.h"

#include "checks/app_rules.h"
#include "checks/caller.h"

struct response endpoint_app_create(struct request *request) {
    struct caller caller;
    struct app app;
    struct slice client_secret;
    enum error error = caller_check(request, &caller);
    if (error || (error = app_new_check(request, &caller.user, &app)) ||
        (error = app_store(request, &app, &client_secret)))
        return respond_error(request, error);
    struct value *answer = app_json(request->arena, &app);
    value_set_text(request->arena, answer, "client_secret", client_secret);
    return response_value(request, answer);
}

struct response endpoint_app_get(struct request *request) {
    struct caller caller;
    enum error error = caller_check(request, &caller);
    if (error)
        return respond_error(request, error);
    struct slice id = request->path_params[0];
    struct batch batch = batch_in(request->arena);
    struct rows *rows = slice_starts(id, "cid_") ? batch_add(&batch, STATEMENT_app_by_client_id, db_text(id))
                                                 : batch_add(&batch, STATEMENT_app_by_id, db_text(id));
    if (!db_run(request->service->db, &batch))
        return respond_error(request, ERROR_STORE_UNAVAILABLE);
    struct app app;
    if (rows->count)
        app = app_from(rows, 0);
    /* One that the caller may not see is as good as none (contract §4). */
    if (rows->count == 0 || !(app.public || slice_equal(app.user_id, caller.user.user_id)))
        return respond_error(request, fail(request, ERROR_NOT_FOUND, "There is no such app."));
    return response_value(request, app_json(request->arena, &app));
}
