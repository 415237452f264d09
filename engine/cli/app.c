/* moonlatch app create | list: the same checks as the API's, from flags. */
#include "cli/command.h"

#include "checks/app_rules.h"
#include "registry/apps.h"
#include "registry/users.h"
#include "endpoints/app_json.h"

#include <stdlib.h>

static void add_list(struct workplace *workplace, const char *field, const char *flag) {
    struct arena *arena = workplace->line->arena;
    const struct options *options = &workplace->line->options;
    if (option_is_set(options, flag))
        value_set_value(workplace->request.json, field, names_split(arena, options_join(arena, options, flag)));
}

static void add_text(struct workplace *workplace, const char *field, const char *flag) {
    const char *text = option_get(&workplace->line->options, flag);
    if (text)
        value_set_text(workplace->line->arena, workplace->request.json, field, slice_of(text));
}

enum error command_app_create(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    struct request *request = &workplace->request;
    const struct options *options = &workplace->line->options;
    request->json = value_map(arena);
    value_set_text(arena, request->json, "name", slice_of(options->arguments[0]));
    add_list(workplace, "redirect_uris", "redirect-uri");
    add_list(workplace, "allowed_scopes", "allow-scope");
    add_text(workplace, "description", "description");
    add_text(workplace, "homepage_url", "homepage-url");
    add_text(workplace, "logo_url", "logo-url");
    add_text(workplace, "token_endpoint_auth_method", "auth-method");
    const char *days = option_get(options, "refresh-days");
    if (days)
        value_set_int(arena, request->json, "refresh_token_lifetime_days", strtoll(days, NULL, 10));
    value_set_bool(arena, request->json, "public", !option_is_set(options, "private"));

    const char *owner = option_get(options, "owner");
    if (!owner)
        return fail(request, ERROR_BAD_REQUEST, "--owner is required: the user whose app this is.");
    struct user user;
    struct app app;
    struct slice client_secret;
    enum error error = user_find(request, slice_of(owner), &user);
    if (error || (error = app_new_check(request, &user, &app)) || (error = app_create(request, &app, &client_secret)))
        return error;
    *result = app_json(arena, &app);
    value_set_text(arena, *result, "client_secret", client_secret);
    return ERROR_NONE;
}

enum error command_app_list(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    struct batch batch = batch_in(arena);
    struct rows *rows = batch_add_values(&batch, STATEMENT_app_list, NULL, 0);
    if (!db_run(workplace->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    *result = value_list(arena);
    for (size_t i = 0; i < rows->count; i++) {
        struct app app = app_from(rows, i);
        value_append(*result, app_json(arena, &app));
    }
    return ERROR_NONE;
}
