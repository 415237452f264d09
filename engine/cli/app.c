/* moonlatch app …: the same checks as the API's, from flags, for any owner. */
#include "cli/command.h"

#include "base/json.h"

#include "checks/app_json.h"
#include "checks/app_rules.h"
#include "registry/apps.h"
#include "registry/shares.h"
#include "registry/users.h"

#include <stdio.h>
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

/* The file's JSON; an empty name clears. */
static enum error add_jwks(struct workplace *workplace) {
    enum { JWKS_FILE_MAX = 64 * 1024 };
    struct arena *arena = workplace->line->arena;
    const char *path = option_get(&workplace->line->options, "jwks");
    if (!path)
        return ERROR_NONE;
    struct value *jwks = value_null(arena);
    if (*path) {
        char *text = arena_alloc(arena, JWKS_FILE_MAX);
        FILE *file = fopen(path, "r");
        size_t len = file ? fread(text, 1, JWKS_FILE_MAX, file) : 0;
        if (file)
            fclose(file);
        if (!(jwks = json_parse(arena, (struct slice){text, len}, NULL)))
            return fail(&workplace->request, ERROR_BAD_REQUEST, "--jwks: %s cannot be read, or is no JSON.", path);
    }
    value_set_value(workplace->request.json, "jwks", jwks);
    return ERROR_NONE;
}

/* The flags as the JSON body that the API would get. */
static enum error body_make(struct workplace *workplace) {
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
    add_list(workplace, "grant_types", "grant-type");
    add_text(workplace, "id_token_signed_response_alg", "id-token-alg");
    add_text(workplace, "jwks_uri", "jwks-uri");
    add_list(workplace, "post_logout_redirect_uris", "post-logout-redirect-uri");
    add_text(workplace, "backchannel_logout_uri", "backchannel-logout-uri");
    add_switch(workplace, "dpop_bound_access_tokens", "dpop", "no-dpop");
    add_switch(workplace, "require_pushed_authorization_requests", "par", "no-par");
    if (days)
        value_set_int(arena, workplace->request.json, "refresh_token_lifetime_days", strtoll(days, NULL, 10));
    return add_jwks(workplace);
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
    struct user user;
    struct app app;
    struct slice client_secret;
    enum error error = body_make(workplace);
    value_set_text(arena, request->json, "name", argument(workplace, 0));
    if (error || (error = user_find(request, slice_of(owner), &user)) ||
        (error = app_new_check(request, &user, &app)) ||
        (error = app_create(request, &app, &(struct app_act){NULL, SLICE("created")}, INT64_MAX, &client_secret)))
        return error;
    *result = app_json_new(arena, &app, client_secret);
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
    enum error error = body_make(workplace);
    add_text(workplace, "name", "name");
    if (error || (error = app_find_any(request, argument(workplace, 0), &app)) ||
        (error = user_find_by_id_or_name(request, app.user_id, &owner)) ||
        (error = app_change_check(request, &owner, &app, &columns)) ||
        (columns && (error = app_change(request, &app, &(struct app_act){NULL, SLICE("changed")}, columns))))
        return error;
    *result = app_json(workplace->line->arena, &app);
    return ERROR_NONE;
}

enum error command_app_secret(struct workplace *workplace, struct value **result) {
    struct app app;
    struct slice client_secret;
    enum error error = app_find_any(&workplace->request, argument(workplace, 0), &app);
    if (error || (error = app_renew_secret(&workplace->request, &app,
                                           &(struct app_act){NULL, SLICE("secret regenerated")}, &client_secret)))
        return error;
    *result = app_answer(workplace, &app, "client_id", app.client_id);
    value_set_text(workplace->line->arena, *result, "client_secret", client_secret);
    return ERROR_NONE;
}

enum error command_app_delete(struct workplace *workplace, struct value **result) {
    struct arena *arena = workplace->line->arena;
    struct app app;
    enum error error = app_find_any(&workplace->request, argument(workplace, 0), &app);
    if (error || (error = app_delete(&workplace->request, &app, &(struct app_act){NULL, SLICE("deleted")})))
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
    if (error || (error = share_create(&workplace->request, &app, NULL, &user)))
        return error;
    *result = app_answer(workplace, &app, "shared_to", user.user_id);
    value_set_text(workplace->line->arena, *result, "shared_to_username", user.username);
    return ERROR_NONE;
}

enum error command_app_unshare(struct workplace *workplace, struct value **result) {
    struct app app;
    struct user user;
    enum error error = share_read(workplace, &app, &user);
    if (error || (error = share_delete(&workplace->request, &app, NULL, user.user_id)))
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
        struct app app = app_listed_from(rows, i);
        value_append(*result, app_json(arena, &app));
    }
    return ERROR_NONE;
}
