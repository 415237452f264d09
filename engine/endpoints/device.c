/* /idp/device (RFC 8628 §3.3): where people enter the code that their device shows. A code is looked up only when its
 * form is sent by somebody who is signed in: no link, and no page of others, approves anything or spends a try. */
#include "endpoints/consent_step.h"
#include "endpoints/endpoints.h"

#include "checks/device_request.h"
#include "checks/fields.h"
#include "checks/form_token.h"

const struct field device_query_fields[] = {
    {"user_code", FIELD_TEXT, 0, 0, 64, "Fills in the form; nothing else happens."},
    {0},
};

const struct field device_fields[] = {
    {"user_code", FIELD_TEXT, FIELD_REQUIRED, 0, 64, "As the device shows it; case, spaces and dashes do not matter."},
    {"csrf_token", FIELD_TEXT, 0, 0, 0, "The page's, which a browser needs where it does not name its site."},
    {0},
};

struct slice device_url(struct request *request, struct slice user_code) {
    return arena_printf(request->arena, "%.*s/idp/device%s%.*s", SLICE_ARG(request->service->settings->issuer),
                        slice_is_set(user_code) ? "?user_code=" : "", SLICE_ARG(user_code));
}

static struct response device_form(struct request *request, int status, struct slice user_code, const char *error) {
    struct value *context = value_map(request->arena);
    value_set_text(request->arena, context, "title", SLICE("Connect a device"));
    value_set_text(request->arena, context, "user_code", user_code);
    value_set_text(request->arena, context, "error", slice_of(error));
    return form_page(request, status, "device", context, "/idp/device", SLICE_NONE);
}

struct response endpoint_device_page(struct request *request) {
    struct slice user_code = user_code_read(request->arena, params_get(&request->query, "user_code"));
    struct session session;
    enum error error = session_from_cookie(request, &session);
    if (error && error != ERROR_UNAUTHENTICATED)
        return respond_error(request, error);
    return error && slice_is_set(user_code) ? device_login_page(request, user_code, 200, SLICE_NONE)
                                            : device_form(request, 200, user_code, NULL);
}

struct response endpoint_device(struct request *request) {
    enum error error = form_check(request);
    if (error)
        return respond_error(request, error);
    fields_required(request);
    if ((error = request_validation(request)))
        return respond_error(request, error);
    static const char *const unknown = "This code is not right, or it has expired.";
    struct slice user_code = user_code_read(request->arena, params_get(&request->form, "user_code"));
    if (!slice_is_set(user_code))
        return device_form(request, 400, SLICE_NONE, unknown);

    struct session session;
    error = session_from_cookie(request, &session);
    if (error == ERROR_UNAUTHENTICATED)
        return response_redirect(303, device_url(request, user_code)); /* to sign in */
    struct authorization_request asked;
    if (error || (error = device_request_find(request, &session.user, user_code, &asked))) {
        request->error = error;
        return error == ERROR_NOT_FOUND ? device_form(request, 400, user_code, unknown) : respond_error(request, error);
    }
    return consent_step(request, &asked, &session);
}
