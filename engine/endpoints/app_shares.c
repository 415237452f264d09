/* /idp/apps/{app_id}/share and …/shares: an app shown to one more user. */
#include "endpoints/endpoints.h"

#include "checks/caller.h"
#include "checks/fields.h"
#include "registry/apps.h"
#include "registry/shares.h"
#include "registry/users.h"

const struct field app_share_fields[] = {
    {"user_id_or_name", FIELD_TEXT, FIELD_REQUIRED, 1, 64, "With whom."},
    {"app_id_or_name", FIELD_TEXT, FIELD_NULLABLE, 0, 64, "The app of the path once more; may be left out."},
    {0},
};

/* Old clients name the app in the body, too: then it has to be the same one. */
static enum error app_named_check(struct request *request, const struct app *app) {
    struct slice named = field_text(request->json, "app_id_or_name");
    if (!named.len || slice_equal(named, app->app_id) || slice_equal(named, app->client_id) ||
        slice_equal(named, app->name))
        return ERROR_NONE;
    return fail(request, ERROR_BAD_REQUEST, "app_id_or_name is not the app of the path.");
}

struct response endpoint_app_share(struct request *request) {
    struct caller caller;
    struct app app;
    struct user user;
    enum error error = caller_check(request, &caller);
    if (error || (error = app_find_own(request, request->path_params[0], &caller.user, &app)))
        return respond_error(request, error);
    fields_check(request, app_share_fields, FIELDS_OF_NEW);
    if ((error = request_validation(request)) || (error = app_named_check(request, &app)) ||
        (error = user_find_by_id_or_name(request, field_text(request->json, "user_id_or_name"), &user)) ||
        (error = share_create(request, &app, &caller.user, &user)))
        return respond_error(request, error);
    struct value *answer = value_map(request->arena);
    value_set_text(request->arena, answer, "app_id", app.app_id);
    value_set_text(request->arena, answer, "shared_to", user.user_id);
    value_set_text(request->arena, answer, "shared_to_username", user.username);
    return response_value(request, answer);
}

struct response endpoint_app_unshare(struct request *request) {
    struct caller caller;
    struct app app;
    enum error error = caller_check(request, &caller);
    if (error || (error = app_find_own(request, request->path_params[0], &caller.user, &app)) ||
        (error = share_delete(request, &app, &caller.user, request->path_params[1])))
        return respond_error(request, error);
    struct value *answer = value_map(request->arena);
    value_set_text(request->arena, answer, "app_id", app.app_id);
    value_set_text(request->arena, answer, "unshared_from", request->path_params[1]);
    return response_value(request, answer);
}

struct response endpoint_app_shares(struct request *request) {
    struct caller caller;
    struct app app;
    struct value *shares;
    enum error error = caller_check(request, &caller);
    if (error || (error = app_find_own(request, request->path_params[0], &caller.user, &app)) ||
        (error = share_list(request, &app, &shares)))
        return respond_error(request, error);
    struct value *answer = value_map(request->arena);
    value_set_text(request->arena, answer, "app_id", app.app_id);
    value_set_value(answer, "shares", shares);
    return response_value(request, answer);
}
