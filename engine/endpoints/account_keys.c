/* /account/keys: API keys, made, shown once, revoked. */
#include "endpoints/account.h"
#include "endpoints/endpoints.h"

#include "checks/fields.h"
#include "checks/quotas.h"
#include "registry/api_keys.h"

const struct field account_key_fields[] = {
    {"csrf_token", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "The page's."},
    {"action", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "make or revoke."},
    {"name", FIELD_TEXT, 0, 0, API_KEY_NAME_MAX, "For make: what it is for."},
    {"key_id", FIELD_TEXT, 0, 0, 0, "For revoke."},
    {0},
};

/* `api_key`: one that was just made; absent: none. */
static struct response keys_page(struct request *request, const struct session *session, struct slice api_key) {
    struct value *keys;
    enum error error = api_key_list(request, &session->user, &keys);
    if (error)
        return respond_error(request, error);
    struct value *context = account_context(request, session, "API keys", "/account/keys");
    account_read_times(request->arena, keys, "created_at");
    value_set_value(context, "keys", keys);
    value_set_text(request->arena, context, "api_key", api_key);
    return response_page(request, 200, "account_keys", context, SLICE_NONE);
}

struct response endpoint_account_keys_page(struct request *request) {
    struct session session;
    struct response instead;
    return page_session(request, &session, &instead) ? keys_page(request, &session, SLICE_NONE) : instead;
}

static enum error key_make(struct request *request, const struct user *user, struct slice *key_id,
                           struct slice *api_key) {
    struct quotas quotas;
    enum error error = quotas_of(request, user, &quotas);
    return error ? error
                 : api_key_create(request, user, slice_trim(params_get(&request->form, "name")), quotas.api_keys,
                                  key_id, api_key);
}

struct response endpoint_account_keys(struct request *request) {
    struct session session;
    struct response instead;
    if (!page_form_session(request, &session, &instead))
        return instead;
    const struct params *form = &request->form;
    struct slice action = params_get(form, "action"), key_id, api_key;
    bool is_new = slice_is(action, "make");
    if (is_new && !account_is_fresh(&session))
        return response_redirect(303, own_login_url(request, SLICE("/account/keys"), true));
    enum error error = is_new                       ? key_make(request, &session.user, &key_id, &api_key)
                       : slice_is(action, "revoke") ? api_key_revoke(request, &session.user, params_get(form, "key_id"))
                                                    : fail(request, ERROR_BAD_REQUEST, "There is no such action.");
    if (error)
        return respond_error(request, error);
    return is_new ? keys_page(request, &session, api_key) : account_redirect(request, "/account/keys");
}
