#include "registry/apps.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "registry/audit.h"
#include "registry/looks.h"

#include <stdatomic.h>

enum { NUMBER_RANDOM_BITS = 20 };

static const int64_t number_epoch_ms = 1577836800000; /* 2020-01-01 */

/* Grows with time, and from one to the next of this process; two apps that two processes make in one millisecond differ
 * by chance, and by the unique index for certain. */
static int64_t number_mint(void) {
    static _Atomic int64_t last;
    int64_t made = (clock_now_ms() - number_epoch_ms) << NUMBER_RANDOM_BITS | random_bits(NUMBER_RANDOM_BITS);
    int64_t before = atomic_load(&last), number;
    do
        number = made > before ? made : before + 1;
    while (!atomic_compare_exchange_weak(&last, &before, number));
    return number;
}

int64_t app_number_at(int64_t unix_s) {
    const int64_t first_s = number_epoch_ms / 1000, last_s = (INT64_MAX >> NUMBER_RANDOM_BITS) / 1000;
    if (unix_s < first_s)
        return 0;
    return unix_s - first_s > last_s ? INT64_MAX : (unix_s - first_s) * 1000 << NUMBER_RANDOM_BITS;
}

enum error app_find_any(struct request *request, struct slice id, struct app *app) {
    bool is_client_id = slice_starts(id, "cid_");
    struct rows *rows = db_find(request->service->db, request->arena,
                                is_client_id ? STATEMENT_app_by_client_id : STATEMENT_app_by_id, id);
    if (!rows)
        return ERROR_STORE_UNAVAILABLE;
    if (rows->count == 0)
        return fail(request, ERROR_NOT_FOUND, "There is no such app.");
    *app = app_from(rows, 0);
    return ERROR_NONE;
}

enum error app_find(struct request *request, struct slice id, const struct user *viewer, struct app *app) {
    enum error error = app_find_any(request, id, app);
    if (error || app->public || slice_equal(app->user_id, viewer->user_id))
        return error;
    struct batch batch = batch_in(request->arena);
    struct rows *share = batch_add(&batch, STATEMENT_app_share_find, db_text(app->app_id), db_text(viewer->user_id));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    return share->count ? ERROR_NONE : fail(request, ERROR_NOT_FOUND, "There is no such app.");
}

/* After a change, before it is answered. */
static void app_forget(struct db *db, const struct app *app) {
    db_forget(db, STATEMENT_app_by_client_id, app->client_id);
    db_forget(db, STATEMENT_app_by_id, app->app_id);
}

enum error app_find_own(struct request *request, struct slice id, const struct user *owner, struct app *app) {
    enum error error = app_find(request, id, owner, app);
    if (!error && !slice_equal(app->user_id, owner->user_id))
        return fail(request, ERROR_FORBIDDEN, "Only its owner may do this to an app.");
    return error;
}

enum error app_list_own(struct request *request, const struct user *owner, int64_t page, int64_t limit,
                        struct rows **rows, int64_t *total) {
    struct batch batch = batch_in(request->arena);
    struct db_value id = db_text(owner->user_id);
    *rows = batch_add(&batch, STATEMENT_app_own_list, id, db_int(limit), db_int(page * limit));
    struct rows *count = batch_add(&batch, STATEMENT_app_own_count, id);
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    *total = row_int(count, 0, "total");
    return ERROR_NONE;
}

/* What a search looks in. */
static struct db_value searchable(struct arena *arena, struct slice text) {
    return db_text(slice_is_set(text) ? utf8_lower(arena, text) : SLICE(""));
}

static struct slice secret_make(struct request *request, unsigned char hash[SECRET_HASH_SIZE]) {
    char secret[CLIENT_SECRET_LEN + 1];
    client_secret_mint(secret);
    secret_hash(request->service->keyring, slice_of(secret), hash);
    struct slice copy = arena_copy(request->arena, slice_of(secret));
    secret_wipe(secret, sizeof(secret));
    return copy;
}

bool app_has_secret(const struct app *app) {
    return !slice_is(app->token_endpoint_auth_method, "none");
}

/* Why no row came of a new name: somebody has it, or one that looks like it. ERROR_NONE: that is not why. */
static enum error name_refused(struct request *request, const struct app *app, struct slice name_key,
                               struct slice look) {
    struct batch batch = batch_in(request->arena);
    struct rows *taken =
        batch_add(&batch, STATEMENT_app_names_taken, db_text(name_key), db_text(look), db_text(app->app_id));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (row_bool(taken, 0, "is_taken"))
        return fail(request, ERROR_CONFLICT, "An app with this name exists already.");
    if (row_bool(taken, 0, "looks_taken"))
        return fail(request, ERROR_CONFLICT, "An app has a name that looks like this one.");
    return ERROR_NONE;
}

/* Around a change of an app that may be another's number in app_counts: before it, and behind it. */
static void counts_take(struct batch *batch, struct db_value app_id) {
    batch_add_values(batch, STATEMENT_app_counts_lock, NULL, 0);
    batch_add(batch, STATEMENT_app_counts_add, app_id, db_int(-1));
}

static void counts_put(struct batch *batch, struct db_value app_id) {
    batch_add(batch, STATEMENT_app_counts_add, app_id, db_int(1));
}

/* Behind the statement that makes it, before the one that deletes it. */
static void app_audit(struct batch *batch, struct request *request, const struct app *app, const struct app_act *act) {
    audit_add(batch, request,
              &(struct audit_change){.kind = AUDIT_APP,
                                     .proof = AUDIT_PROOF_APP,
                                     .id = app->app_id,
                                     .of = app->user_id,
                                     .user = act->by,
                                     .app_id = app->app_id,
                                     .detail = act->what});
}

enum error app_create(struct request *request, struct app *app, const struct app_act *act, int64_t max,
                      struct slice *client_secret) {
    struct arena *arena = request->arena;
    char app_id[UUID_LEN + 1], client_id[CLIENT_ID_LEN + 1];
    unsigned char hash[SECRET_HASH_SIZE];
    uuid_timed(app_id);
    client_id_mint(client_id);
    app->app_id = arena_copy(arena, slice_of(app_id));
    if (!slice_is_set(app->client_id))
        app->client_id = arena_copy(arena, slice_of(client_id));
    app->created_at = app->updated_at = clock_now_s();
    struct slice secret = secret_make(request, hash);
    *client_secret = app_has_secret(app) ? secret : SLICE_NONE;

    const struct client_metadata *more = &app->metadata;
    struct slice name_key = utf8_lower(arena, app->name), look = app_look(arena, app->name);
    struct batch batch = batch_in(arena);
    struct db_value id = db_text(app->app_id);
    struct rows *owner = batch_add(&batch, STATEMENT_user_lock, db_text(app->user_id));
    counts_take(&batch, id);
    struct rows *made = batch_add(
        &batch, STATEMENT_app_insert, id, db_text(app->client_id), db_text(app->user_id), db_text(app->name),
        db_text(name_key), db_text(app->description), db_text(app->redirect_uris), db_text(app->homepage_url),
        db_text(app->logo_url), db_bool(app->public), db_int(app->refresh_token_lifetime_days),
        db_text(app->allowed_scopes), db_text(app->token_endpoint_auth_method), db_blob(hash, sizeof(hash)),
        db_int(app->created_at), db_int(number_mint()), db_text(more->grant_types),
        db_text(more->id_token_signed_response_alg), db_text(more->jwks), db_text(more->jwks_uri),
        db_text(more->post_logout_redirect_uris), db_text(more->backchannel_logout_uri),
        db_bool(more->dpop_bound_access_tokens), db_bool(more->require_pushed_authorization_requests),
        slice_is_set(more->registration_hash) ? db_blob(more->registration_hash.at, more->registration_hash.len)
                                              : db_null(),
        db_text(look), db_int(max));
    batch_add(&batch, STATEMENT_app_search_insert, id, searchable(arena, app->name),
              searchable(arena, app->description), searchable(arena, app->homepage_url));
    counts_put(&batch, id);
    app_audit(&batch, request, app, act);
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (made->count)
        return ERROR_NONE;
    if (owner->count == 0)
        return fail(request, ERROR_NOT_FOUND, "There is no such user.");
    enum error error = name_refused(request, app, name_key, look);
    return error ? error
                 : fail(request, ERROR_FORBIDDEN, "You may have %lld apps, and have them. Delete one.", (long long)max);
}

enum error app_change(struct request *request, struct app *app, const struct app_act *act, unsigned columns) {
    struct arena *arena = request->arena;
    struct db *db = request->service->db;
    struct slice name_key = utf8_lower(arena, app->name), look = app_look(arena, app->name);
    struct db_value id = db_text(app->app_id), owner = db_text(app->user_id), bits = db_int(columns);
    app->updated_at = clock_now_s();

    const struct client_metadata *more = &app->metadata;
    bool is_counted_anew = (columns & (APP_ACTIVE | APP_PUBLIC)) != 0;
    struct batch batch = batch_in(arena);
    if (is_counted_anew)
        counts_take(&batch, id);
    struct rows *changed = batch_add(
        &batch, STATEMENT_app_update, id, owner, db_text(app->name), db_text(name_key), db_text(app->description),
        db_text(app->redirect_uris), db_text(app->homepage_url), db_text(app->logo_url), db_bool(app->public),
        db_int(app->refresh_token_lifetime_days), db_text(app->allowed_scopes),
        db_text(app->token_endpoint_auth_method), db_bool(app->active), bits, db_int(app->updated_at),
        db_text(more->grant_types), db_text(more->id_token_signed_response_alg), db_text(more->jwks),
        db_text(more->jwks_uri), db_text(more->post_logout_redirect_uris), db_text(more->backchannel_logout_uri),
        db_bool(more->dpop_bound_access_tokens), db_bool(more->require_pushed_authorization_requests), db_text(look));
    batch_add(&batch, STATEMENT_app_search_update, id, owner, db_text(name_key), searchable(arena, app->description),
              searchable(arena, app->homepage_url), bits);
    if (is_counted_anew)
        counts_put(&batch, id);
    bool renames = columns & APP_NAME;
    audit_add(&batch, request,
              &(struct audit_change){.kind = AUDIT_APP,
                                     .proof = renames ? AUDIT_PROOF_APP_NAMED : AUDIT_PROOF_APP,
                                     .id = app->app_id,
                                     .of = renames ? name_key : app->user_id,
                                     .user = act->by,
                                     .app_id = app->app_id,
                                     .detail = act->what});
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    app_forget(db, app);
    if ((columns & APP_ACTIVE) && !app->active)
        db_forget_all(db); /* its tokens may be many */
    if (changed->count)
        return ERROR_NONE;
    enum error error = name_refused(request, app, name_key, look);
    return error ? error : fail(request, ERROR_NOT_FOUND, "There is no such app.");
}

enum error app_keep_jwks(struct request *request, struct app *app, struct slice jwks) {
    struct batch batch = batch_in(request->arena);
    app->metadata.jwks_fetched = jwks;
    app->metadata.jwks_fetched_at = clock_now_s();
    batch_add(&batch, STATEMENT_app_set_fetched_jwks, db_text(app->app_id), db_text(app->metadata.jwks_uri),
              db_text(jwks), db_int(app->metadata.jwks_fetched_at));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    app_forget(request->service->db, app);
    return ERROR_NONE;
}

enum error app_renew_secret(struct request *request, struct app *app, const struct app_act *act,
                            struct slice *client_secret) {
    if (!app_has_secret(app))
        return fail(
            request, ERROR_CONFLICT,
            "The app has no secret: its token_endpoint_auth_method is none, and PKCE takes the secret's place.");
    unsigned char hash[SECRET_HASH_SIZE];
    *client_secret = secret_make(request, hash);
    app->updated_at = clock_now_s();
    struct batch batch = batch_in(request->arena);
    struct rows *changed = batch_add(&batch, STATEMENT_app_set_secret, db_text(app->app_id), db_text(app->user_id),
                                     db_blob(hash, sizeof(hash)), db_int(app->updated_at));
    app_audit(&batch, request, app, act);
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    app_forget(request->service->db, app);
    return changed->count ? ERROR_NONE : fail(request, ERROR_NOT_FOUND, "There is no such app.");
}

enum error app_delete(struct request *request, const struct app *app, const struct app_act *act) {
    struct db_value id = db_text(app->app_id), owner = db_text(app->user_id);
    struct batch batch = batch_in(request->arena);
    counts_take(&batch, id);
    batch_add(&batch, STATEMENT_app_lock_alone, id);
    batch_add(&batch, STATEMENT_app_search_delete, id, owner);
    batch_add(&batch, STATEMENT_app_delete_shares, id, owner);
    batch_add(&batch, STATEMENT_app_delete_authorizations, id, owner);
    batch_add(&batch, STATEMENT_app_delete_device_codes, id, owner);
    batch_add(&batch, STATEMENT_app_delete_session_apps, id, owner);
    app_audit(&batch, request, app, act);
    struct rows *gone = batch_add(&batch, STATEMENT_app_delete, id, owner);
    counts_put(&batch, id); /* if it is still there: not that owner's */
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    db_forget_all(request->service->db);
    return batch_did(&batch, gone) ? ERROR_NONE : fail(request, ERROR_NOT_FOUND, "There is no such app.");
}
