/* /account/passkeys: made and removed by who has just signed in. */
#include "endpoints/account.h"
#include "endpoints/endpoints.h"

#include "base/clock.h"
#include "checks/fields.h"
#include "checks/passkey.h"
#include "page/device_name.h"

const struct field account_passkey_fields[] = {
    {"csrf_token", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "The page's."},
    {"action", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "add or remove."},
    {"name", FIELD_TEXT, 0, 0, PASSKEY_NAME_MAX, "For add: where it is."},
    {"client_data", FIELD_TEXT, 0, 0, 0, "For add, as WebAuthn has it: clientDataJSON, base64url."},
    {"attestation_object", FIELD_TEXT, 0, 0, 0, "For add; base64url."},
    {"authenticator_data", FIELD_TEXT, 0, 0, 0, "For add, in place of attestation_object; base64url."},
    {"public_key", FIELD_TEXT, 0, 0, 0, "For add: the attested key once more, if at all; DER, base64url."},
    {"passkey_id", FIELD_TEXT, 0, 0, 0, "For remove."},
    {0},
};

static struct response passkeys_page(struct request *request, const struct session *session, enum error failed) {
    struct value *passkeys;
    enum error error = passkey_list(request, &session->user, &passkeys);
    if (error)
        return respond_error(request, error);
    struct value *context = account_context(request, session, "Passkeys", "/account/passkeys");
    if (failed) {
        request->error = failed;
        value_set_text(request->arena, context, "error", request->error_text);
    }
    /* An authenticator must not make what its answer would be too late for. */
    value_set_bool(request->arena, context, "is_fresh", account_is_fresh(session));
    value_set_text(request->arena, context, "login_url", own_login_url(request, SLICE("/account/passkeys"), true));
    passkey_ask(request, context, PASSKEY_MAKE, &session->user, passkeys, SLICE_NONE);
    account_read_times(request->arena, passkeys, "created_at");
    account_read_times(request->arena, passkeys, "used_at");
    value_set_value(context, "passkeys", passkeys);
    return response_page(request, failed ? error_kind(failed)->status : 200, "account_passkeys", context, SLICE_NONE);
}

struct response endpoint_account_passkeys_page(struct request *request) {
    struct session session;
    struct response instead;
    return page_session(request, &session, &instead) ? passkeys_page(request, &session, ERROR_NONE) : instead;
}

static struct slice name_of(struct request *request) {
    struct slice name = slice_trim(params_get(&request->form, "name"));
    struct device_name device = device_name_of(request->user_agent);
    if (name.len)
        return name;
    return device.browser && device.system ? arena_printf(request->arena, "%s on %s", device.browser, device.system)
                                           : SLICE("Passkey");
}

static enum error add(struct request *request, const struct user *user) {
    const struct passkey_answer answer = passkey_answer_from(&request->form);
    struct proven *proven = arena_zalloc(request->arena, sizeof(*proven));
    const struct passkey_making making = {user, name_of(request), false};
    return passkey_register(request, &making, &answer, proven);
}

struct response endpoint_account_passkeys(struct request *request) {
    struct session session;
    struct response instead;
    if (!page_form_session(request, &session, &instead))
        return instead;
    if (!account_is_fresh(&session))
        return response_redirect(303, own_login_url(request, SLICE("/account/passkeys"), true));
    struct slice action = params_get(&request->form, "action");
    enum error error = slice_is(action, "add") ? add(request, &session.user)
                       : slice_is(action, "remove")
                           ? passkey_remove(request, &session.user, params_get(&request->form, "passkey_id"))
                           : fail(request, ERROR_BAD_REQUEST, "There is no such action.");
    if (error == ERROR_STORE_UNAVAILABLE)
        return respond_error(request, error);
    return error ? passkeys_page(request, &session, error) : account_redirect(request, "/account/passkeys");
}
