/* Answers to an authorization request, and what policies are told of it. */
#include "checks/authorization_request.h"

#include "base/json.h"
#include "checks/client.h"
#include "checks/redirect_uri.h"
#include "policy/facts.h"

/* OAuth 2.0 Form Post Response Mode §2: a page whose form posts itself, by a script or a button. */
static struct response form_post(struct request *request, const struct authorization_request *asked,
                                 const struct redirect_param *params, size_t count) {
    struct arena *arena = request->arena;
    struct value *context = value_map(arena), *fields = value_list(arena);
    for (size_t i = 0; i < count; i++)
        page_add_field(arena, fields, params[i].name, params[i].value);
    value_set_text(arena, context, "title", response_phrase(request, "Back to the app"));
    value_set_text(arena, context, "form_action", asked->redirect_uri);
    value_set_value(context, "fields", fields);
    value_set_text(arena, context, "script", SLICE("form_post.js"));
    return response_page(request, 200, "form_post", context, uri_origin(arena, asked->redirect_uri));
}

static struct response answer(struct request *request, const struct authorization_request *asked,
                              struct redirect_param *params, size_t count) {
    params[count++] = (struct redirect_param){"state", asked->state};
    params[count++] = (struct redirect_param){"iss", request->service->settings->issuer};
    if (asked->is_form_post)
        return form_post(request, asked, params, count);
    bool is_post = slice_is(request->method, "POST");
    return response_redirect(is_post ? 303 : 302, redirect_build(request->arena, asked->redirect_uri, params, count));
}

struct response authorization_error(struct request *request, const struct authorization_request *asked,
                                    enum error error) {
    if (!asked->may_redirect)
        return respond_error(request, error);
    const struct error_kind *kind = error_kind(error);
    request->error = error; /* for the log: the answer itself is a redirect */
    struct slice text = slice_is_set(request->error_text) ? request->error_text : slice_of(kind->text);
    struct redirect_param params[4] = {{"error", slice_of(kind->oauth_code)},
                                       {"error_description", error_description(request->arena, text)}};
    return answer(request, asked, params, 2);
}

struct response authorization_success(struct request *request, const struct authorization_request *asked,
                                      struct slice code) {
    struct redirect_param params[3] = {{"code", code}};
    return answer(request, asked, params, 1);
}

const char *authorization_grant_type(const struct authorization_request *asked) {
    return slice_is_set(asked->device_id) ? GRANT_DEVICE_CODE : "authorization_code";
}

struct value *authorization_facts(struct request *request, const struct authorization_request *asked,
                                  const struct user *user, const struct value *previous) {
    struct arena *arena = request->arena;
    struct value *facts = facts_of(request);
    facts_add_user(arena, facts, user);
    facts_add_app(arena, facts, &asked->app);
    value_set_value(facts, "requested", value_copy(arena, asked->scopes));
    if (previous)
        value_set_value(facts, "previous", value_copy(arena, previous));
    value_set_text(arena, facts, "prompt", asked->prompt);
    value_set_text(arena, facts, "redirect_uri", asked->redirect_uri);
    value_set_bool(arena, facts, "pkce", slice_is_set(asked->code_challenge));
    value_set_text(arena, facts, "grant_type", slice_of(authorization_grant_type(asked)));
    if (asked->resources.len)
        value_set_value(facts, "resources", names_split(arena, asked->resources));
    return facts;
}
