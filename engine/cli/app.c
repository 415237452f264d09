/* moonlatch app …: the same checks as the API's, from flags, for any owner. */
#include "cli/command.h"

#include "checks/app_rules.h"
#include "endpoints/app_json.h"
#include "registry/apps.h"
#include "registry/shares.h"
#include "registry/users.h"

#include <stdlib.h>

static void add_list(struct workplace *workplace, const char *field, const char *flag) {
    struct arena *arena = workplace->line->arena;
    const struct options *options = &workplace->line->options;
    if (option_is_set(options, flag))
        value_set_value(workplace->request.json, field, names_split(arena, options_join(arena, options, flag)));
}

/* An empty text clears. */
static void add_text(struct workplace *workplace, const char *field, const char *flag) {
    const char *text = option_get(&workplace->line->options, flag);
    if (text)
        value_set_text(workplace->line->arena, workplace->request.json, field, *text ? slice_of(text) : SLICE_NONE);
}

static void add_switch(struct workplace *workplace, const char *field, const char *on, const char *off) {
    const struct options *options = &workplace->line->options;
    if (option_is_set(options, on) || option_is_set(options, off))
        value_set_bool(workplace->line->arena, workplace->request.json, field, option_is_set(options, on));
}

/* The flags as the JSON body that the API would get. */
static void body_make(struct workplace *workplace) {
    struct arena *arena = workplace->line->arena;
    const char *days = option_get(&workplace->line->options, "refresh-days");
    workplace->request.json = value_map(arena);
    add_list(workplace, "redirect_uris", "redirect-uri");
    add_list(workplace, "allowed_scopes", "allow-scope");
    add_text(workplace, "description", "description");
    add_text(workplace, "homepage_url", "homepage-url");
    add_text(workplace, "logo_url", "logo-url");
    add_text(workplace, "token_endpoint_auth_method", "auth-method");
    add_switch(workplace, "public", "public", "private");
    add_switch(workplace, "active", "on", "off");
    if (days)
        value_set_int(arena, workplace->request.json, "refresh_token_lifetime_days", strtoll(days, NULL, 10));
}

static struct slice argument(const struct workplace *workplace, size_t index) {
    return slice_of(workplace->line->options.arguments[index]);
}

/* What an answer names: the app, and one thing more. */
static struct value *app_answer(struct workplace *workplace, const struct app *app, const char *name,
                                struct slice text) {
    struct arena *arena = workplace->line->arena;
    struct value *answer = value_map(arena);
    value_set_text(arena, answer, "app_id", app->app_id);
    value_set_text(arena, answer, name, text);
    return answer;
}

enum error command_app_create(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    struct request *request = &workplace->request;
    const char *owner = option_get(&workplace->line->options, "owner");
    if (!owner)
        return fail(request, ERROR_BAD_REQUEST, "--owner is required: the user whose app this is.");
    body_make(workplace);
    value_set_text(arena, request->json, "name", argument(workplace, 0));
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

enum error command_app_show(struct workplace *workplace, struct value **result) {
    struct app app;
    enum error error = app_find_any(&workplace->request, argument(workplace, 0), &app);
    if (!error)
        *result = app_json(workplace->line->arena, &app);
    return error;
}

enum error command_app_change(struct workplace *workplace, struct value **result) {
    struct request *request = &workplace->request;
    struct app app;
    struct user owner;
    unsigned columns;
    body_make(workplace);
    add_text(workplace, "name", "name");
    enum error error = app_find_any(request, argument(workplace, 0), &app);
    if (error || (error = user_find_by_id_or_name(request, app.user_id, &owner)) ||
        (error = app_change_check(request, &owner, &app, &columns)) ||
        (columns && (error = app_change(request, &app, columns))))
        return error;
    *result = app_json(workplace->line->arena, &app);
    return ERROR_NONE;
}

enum error command_app_secret(struct workplace *workplace, struct value **result) {
    struct app app;
    struct slice client_secret;
    enum error error = app_find_any(&workplace->request, argument(workplace, 0), &app);
    if (error || (error = app_renew_secret(&workplace->request, &app, &client_secret)))
        return error;
    *result = app_answer(workplace, &app, "client_id", app.client_id);
    value_set_text(workplace->line->arena, *result, "client_secret", client_secret);
    return ERROR_NONE;
}

enum error command_app_delete(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    struct app app;
    enum error error = app_find_any(&workplace->request, argument(workplace, 0), &app);
    if (error || (error = app_delete(&workplace->request, &app)))
        return error;
    *result = value_map(arena);
    value_set_text(arena, *result, "app_id", app.app_id);
    value_set_bool(arena, *result, "deleted", true);
    return ERROR_NONE;
}

/* The app and the user that `app share` and `app unshare` name. */
static enum error share_read(struct workplace *workplace, struct app *app, struct user *user) {
    enum error error = app_find_any(&workplace->request, argument(workplace, 0), app);
    return error ? error : user_find_by_id_or_name(&workplace->request, argument(workplace, 1), user);
}

enum error command_app_share(struct workplace *workplace, struct value **result) {
    struct app app;
    struct user user;
    enum error error = share_read(workplace, &app, &user);
    if (error || (error = share_create(&workplace->request, &app, &user)))
        return error;
    *result = app_answer(workplace, &app, "shared_to", user.user_id);
    value_set_text(workplace->line->arena, *result, "shared_to_username", user.username);
    return ERROR_NONE;
}

enum error command_app_unshare(struct workplace *workplace, struct value **result) {
    struct app app;
    struct user user;
    enum error error = share_read(workplace, &app, &user);
    if (error || (error = share_delete(&workplace->request, &app, user.user_id)))
        return error;
    *result = app_answer(workplace, &app, "unshared_from", user.user_id);
    return ERROR_NONE;
}

enum error command_app_shares(struct workplace *workplace, struct value **result) {
    struct app app;
    enum error error = app_find_any(&workplace->request, argument(workplace, 0), &app);
    return error ? error : share_list(&workplace->request, &app, result);
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
