/* Makes codes in a state directory as approvals do, for exchanges to be measured.
 *
 *   exchange_codes STATE COUNT [ALG]    prints COUNT bodies for exchange_load; MOONLATCH_DATABASE says where else. With
 *                                       ALG the app gets an id_token with each, signed so */
#include "base/clock.h"
#include "checks/app_rules.h"
#include "cli/command.h"
#include "crypto/secret.h"
#include "endpoints/consent_step.h"
#include "registry/apps.h"
#include "registry/users.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

static struct arena arena;
static struct command_line line = {.arena = &arena};
static struct workplace workplace;

static void end(const char *why, struct slice detail) {
    fprintf(stderr, "%s: %.*s\n", why, SLICE_ARG(detail));
    exit(1);
}

static void must(enum error error) {
    if (error)
        end("refused", workplace_error(&workplace, error));
}

static struct slice fingerprint, secret, alg, session_id;

static struct app app_make(struct user *user) {
    struct request *request = &workplace.request;
    char name[64];
    struct app app;
    snprintf(name, sizeof(name), "bench-%lld", (long long)clock_monotonic_ns());
    *user = (struct user){.username = arena_copy(&arena, slice_of(name)), .roles = SLICE("")};
    must(user_store(request, user, &fingerprint));
    request->json = value_map(&arena);
    value_set_text(&arena, request->json, "name", user->username);
    struct value *uris = value_list(&arena);
    value_append_text(&arena, uris, SLICE("https://app.example/cb"));
    value_set_value(request->json, "redirect_uris", uris);
    must(app_new_check(request, user, &app));
    if (slice_is_set(alg))
        app.metadata.id_token_signed_response_alg = alg;
    must(app_create(request, &app, &(struct app_act){user, SLICE("created")}, INT64_MAX, &secret));
    return app;
}

/* In which all of it is approved. */
static void session_make(const struct user *user) {
    unsigned char hash[SECRET_HASH_SIZE];
    secret_hash(workplace.service.keyring, fingerprint, hash);
    struct batch batch = batch_in(&arena);
    session_id = arena_printf(&arena, "bench:%lld", (long long)clock_monotonic_ns());
    batch_add(&batch, STATEMENT_session_insert, db_text(session_id), db_text(user->user_id),
              db_blob(hash, sizeof(hash)), db_int(clock_now_s()), db_text(SLICE("fingerprint")),
              db_int(clock_now_s() + 3600), db_text(SLICE("bench")), db_text(SLICE("")), db_text(session_id),
              db_text(SLICE("")), db_blob(hash, sizeof(hash)));
    if (!db_run(workplace.db, &batch))
        end("session", SLICE("the store failed"));
}

static struct slice body_make(const struct app *app, const struct user *user, struct arena *own, int64_t i) {
    struct value *scopes = value_list(own);
    value_append_text(own, scopes, slice_is_set(alg) ? SLICE("openid") : SLICE("profile"));
    const struct authorization_request asked = {
        .app = *app, .redirect_uri = SLICE("https://app.example/cb"), .scopes = scopes, .resources = SLICE("")};
    struct session session = {.session_id = session_id, .user = *user};
    session.user.sign_in = (struct sign_in){SLICE("fingerprint"), clock_now_s()};
    const struct approval approval = {
        .asked = &asked,
        .session = &session,
        .scopes = scopes,
        .spent_id = arena_printf(own, "bench:%lld:%lld", (long long)clock_monotonic_ns(), (long long)i),
        .spent_expires_at_s = clock_now_s() + 600,
    };
    struct slice code;
    workplace.request.work_count = 0; /* each is a request of its own */
    must(consent_approve(&workplace.request, &approval, &code));
    return arena_printf(own,
                        "grant_type=authorization_code&code=%.*s&redirect_uri=https%%3A%%2F%%2Fapp.example%%2Fcb"
                        "&client_id=%.*s&client_secret=%.*s",
                        SLICE_ARG(code), SLICE_ARG(app->client_id), SLICE_ARG(secret));
}

int main(int count, char **words) {
    struct slice why;
    if (count < 3 || sodium_init() < 0)
        return 2;
    arena_init(&arena);
    int64_t wanted = atoll(words[2]);
    alg = slice_of(count > 3 ? words[3] : NULL);
    setenv("MOONLATCH_STATE", words[1], 1);
    if (!settings_read(&line, &why))
        end("settings", why);
    line.settings.code_s = 600;
    if (!workplace_open(&workplace, &line, &why))
        end("workplace", why);
    static struct user user;
    static struct app app;
    app = app_make(&user);
    session_make(&user);
    for (int64_t i = 0; i < wanted; i++) {
        struct slice body = body_make(&app, &user, &arena, i);
        printf("%.*s\n", SLICE_ARG(body));
    }
    workplace_close(&workplace);
    return 0;
}
