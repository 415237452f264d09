#include "cli/demo.h"

#include "checks/app_rules.h"
#include "registry/apps.h"
#include "registry/users.h"

#include <stdio.h>

static enum error demo_app_make(struct workplace *workplace, const struct user *owner) {
    struct arena *arena = workplace->line->arena;
    struct request *request = &workplace->request;
    const struct settings *settings = &workplace->line->settings;
    /* The port of a loopback address is free (RFC 8252 §7.3), so this holds before it is known. */
    struct slice issuer = slice_is_set(settings->issuer) ? settings->issuer : SLICE("http://localhost");
    struct value *redirect_uris = value_list(arena);
    value_append_text(arena, redirect_uris, arena_printf(arena, "%.*s/demo/callback", SLICE_ARG(issuer)));
    request->json = value_map(arena);
    value_set_text(arena, request->json, "name", SLICE("Moonlatch demo"));
    value_set_text(arena, request->json, "description",
                   SLICE("Signs you in to this server itself and shows the tokens."));
    value_set_value(request->json, "redirect_uris", redirect_uris);
    struct app app;
    struct slice client_secret;
    enum error error = app_new_check(request, owner, &app);
    if (error)
        return error;
    app.client_id = SLICE(DEMO_CLIENT_ID);
    return app_create(request, &app, &(struct app_act){NULL, SLICE("created")}, INT64_MAX, &client_secret);
}

bool demo_prepare(struct workplace *workplace, struct slice *error) {
    struct batch batch = batch_in(workplace->line->arena);
    struct rows *rows = batch_add_values(&batch, STATEMENT_user_count, NULL, 0);
    struct user user = {.username = SLICE("demo"), .roles = SLICE("")};
    struct slice fingerprint;
    enum error failed = db_run(workplace->db, &batch) ? ERROR_NONE : ERROR_STORE_UNAVAILABLE;
    if (!failed && row_int(rows, 0, "users") > 0) {
        printf("demo: %s has users already; each fingerprint was shown when its user was made\n",
               workplace->line->settings.state);
        return true;
    }
    if (!failed)
        failed = user_store(&workplace->request, &user, &fingerprint);
    if (!failed)
        failed = demo_app_make(workplace, &user);
    if (failed) {
        *error = workplace_error(workplace, failed);
        return false;
    }
    printf("demo user: demo\ndemo fingerprint (shown once): %.*s\n", SLICE_ARG(fingerprint));
    fflush(stdout);
    return true;
}
