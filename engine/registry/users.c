#include "registry/users.h"

#include "base/clock.h"
#include "base/name.h"
#include "base/utf8.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "crypto/ss58.h"
#include "registry/audit.h"
#include "registry/logout.h"
#include "registry/looks.h"

#include <ctype.h>

static bool roles_are_valid(struct slice roles) {
    for (size_t i = 0; i < roles.len; i++)
        if (!isalnum((unsigned char)roles.at[i]) && !memchr("_- ", roles.at[i], 3))
            return false;
    return true;
}

static enum error username_check(struct request *request, struct slice username) {
    enum name_fault fault = name_check(username, "_-.");
    if (fault == NAME_SCRIPTS)
        return fail(request, ERROR_BAD_REQUEST, "A username may not mix the letters of several scripts in a word.");
    if (fault || utf8_count(username) > NAME_MAX_CHARACTERS)
        return fail(request, ERROR_BAD_REQUEST, "A username has 1 to %d letters, digits, '_', '-' or '.'.",
                    NAME_MAX_CHARACTERS);
    return ERROR_NONE;
}

/* *key is of the hotkey, when there is one. */
static enum error user_check(struct request *request, const struct user *user, unsigned char key[SS58_KEY_SIZE]) {
    if (slice_is_set(user->hotkey) && !ss58_decode(user->hotkey, key))
        return fail(request, ERROR_BAD_REQUEST, "The hotkey is not an SS58 address.");
    if (!roles_are_valid(user->roles))
        return fail(request, ERROR_BAD_REQUEST, "A role has letters, digits, '_' and '-'.");
    return ERROR_NONE;
}

static struct slice fingerprint_make(struct request *request, unsigned char hash[SECRET_HASH_SIZE]) {
    char secret[FINGERPRINT_LEN + 1];
    fingerprint_mint(secret);
    secret_hash(request->service->keyring, slice_of(secret), hash);
    struct slice copy = arena_copy(request->arena, slice_of(secret));
    secret_wipe(secret, sizeof(secret));
    return copy;
}

/* What was done to the account; behind the statement that does it, which leaves the user there. */
static void account_audit(struct batch *batch, struct request *request, const struct user *user, const char *what) {
    audit_add(batch, request,
              &(struct audit_change){.kind = AUDIT_ACCOUNT,
                                     .proof = AUDIT_PROOF_USER,
                                     .id = user->user_id,
                                     .user = user,
                                     .detail = slice_of(what)});
}

enum error user_store(struct request *request, struct user *user, struct slice *fingerprint) {
    unsigned char key[SS58_KEY_SIZE], hash[SECRET_HASH_SIZE];
    user->username = name_normal(request->arena, user->username);
    enum error error = username_check(request, user->username);
    if (error || (error = user_check(request, user, key)))
        return error;
    char user_id[UUID_LEN + 1];
    uuid_random(user_id);
    user->user_id = arena_copy(request->arena, slice_of(user_id));
    user->created_at = clock_now_s();
    *fingerprint = fingerprint_make(request, hash);

    struct batch batch = batch_in(request->arena);
    struct rows *made =
        batch_add(&batch, STATEMENT_user_insert, db_text(user->user_id), db_text(user->username),
                  db_text(utf8_lower(request->arena, user->username)), db_text(user->hotkey),
                  slice_is_set(user->hotkey) ? db_blob(key, sizeof(key)) : db_null(), db_blob(hash, sizeof(hash)),
                  db_text(user->roles), db_int(user->created_at), db_text(user_look(request->arena, user->username)));
    account_audit(&batch, request, user, "account made");
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (made->count == 0)
        return fail(request, ERROR_CONFLICT, "This username or hotkey is taken, or a username looks like it.");
    return ERROR_NONE;
}

enum error user_find(struct request *request, struct slice username, struct user *user) {
    struct batch batch = batch_in(request->arena);
    struct rows *rows = batch_add(&batch, STATEMENT_user_by_name, db_text(utf8_lower(request->arena, username)),
                                  db_text(utf8_lower(request->arena, name_normal(request->arena, username))));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (rows->count == 0)
        return fail(request, ERROR_NOT_FOUND, "There is no user %.*s.", SLICE_ARG(username));
    *user = user_from(rows, 0, "created_at");
    return ERROR_NONE;
}

enum error user_find_by_id(struct request *request, struct slice user_id, struct user *user) {
    struct batch batch = batch_in(request->arena);
    struct rows *rows = batch_add(&batch, STATEMENT_user_by_id, db_text(user_id));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (rows->count == 0)
        return fail(request, ERROR_NOT_FOUND, "There is no such user.");
    *user = user_from(rows, 0, "created_at");
    return ERROR_NONE;
}

enum error user_find_by_id_or_name(struct request *request, struct slice id_or_name, struct user *user) {
    enum error error = user_find_by_id(request, id_or_name, user);
    return error == ERROR_NOT_FOUND ? user_find(request, id_or_name, user) : error;
}

/* The end of all that somebody with a credential of the user's may have begun, as rows of the batch that takes it. */
struct ending {
    struct rows *sessions, *apps, *left;
};

/* Behind the statement that takes the credential: a session that began before that is seen here, and none begins after
 * (session_insert). */
static struct ending ending_add(struct batch *batch, const struct user *user) {
    struct db_value id = db_text(user->user_id);
    struct ending ending = {.sessions = batch_add(batch, STATEMENT_sessions_end, id)};
    logout_queue_user(batch, user->user_id);
    ending.apps = batch_add(batch, STATEMENT_user_tokens_end, id);
    ending.left = batch_add(batch, STATEMENT_user_credential_count, id);
    return ending;
}

static void ending_read(struct request *request, const struct ending *ending, struct user_signed_out *ended) {
    *ended = (struct user_signed_out){
        .is_done = true,
        .sessions = (int64_t)ending->sessions->count,
        .apps = (int64_t)ending->apps->count,
        .api_keys = row_int(ending->left, 0, "api_keys"),
        .passkeys = row_int(ending->left, 0, "passkeys"),
    };
    db_forget_all(request->service->db);
}

/* Another address of the same key is no other hotkey. */
static bool hotkey_is_lost(const struct user *before, const struct user *user, const unsigned char key[SS58_KEY_SIZE]) {
    unsigned char old[SS58_KEY_SIZE];
    return slice_is_set(before->hotkey) && ss58_decode(before->hotkey, old) &&
           !(slice_is_set(user->hotkey) && memcmp(old, key, sizeof(old)) == 0);
}

/* Asked before, so that a refusal signs nobody out. */
static enum error hotkey_check(struct request *request, const struct user *user, struct db_value key) {
    struct batch batch = batch_in(request->arena);
    struct rows *found = batch_add(&batch, STATEMENT_user_by_hotkey, key);
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    return found->count && !slice_equal(row_text(found, 0, "user_id"), user->user_id)
               ? fail(request, ERROR_CONFLICT, "This hotkey is taken.")
               : ERROR_NONE;
}

static const char *words_of(const struct user *before, const struct user *user, unsigned columns, bool ends) {
    bool has_key = slice_is_set(user->hotkey), had_key = slice_is_set(before->hotkey);
    return ends                                  ? has_key ? "hotkey replaced" : "hotkey taken away"
           : (columns & USER_HOTKEY) && !had_key ? "hotkey set"
           : columns & USER_ROLES                ? "roles changed"
                                                 : "hotkey written another way";
}

enum error user_change(struct request *request, const struct user *before, const struct user *user, unsigned columns,
                       struct user_signed_out *ended) {
    unsigned char bytes[SS58_KEY_SIZE];
    *ended = (struct user_signed_out){0};
    enum error error = user_check(request, user, bytes);
    if (error)
        return error;
    bool has_key = slice_is_set(user->hotkey), ends = (columns & USER_HOTKEY) && hotkey_is_lost(before, user, bytes);
    struct db_value key = has_key ? db_blob(bytes, sizeof(bytes)) : db_null();
    if (has_key && (error = hotkey_check(request, user, key)))
        return error;
    struct batch batch = batch_in(request->arena);
    struct ending ending;
    struct rows *changed = batch_add(&batch, STATEMENT_user_update, db_text(user->user_id), db_text(user->hotkey), key,
                                     db_text(user->roles), db_int(columns));
    account_audit(&batch, request, user, words_of(before, user, columns, ends));
    if (ends)
        ending = ending_add(&batch, user);
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    db_forget_all(request->service->db);
    if (ends)
        ending_read(request, &ending, ended);
    return changed->count ? ERROR_NONE : fail(request, ERROR_CONFLICT, "This hotkey is taken.");
}

enum error user_renew_fingerprint(struct request *request, const struct user *user, struct slice *fingerprint,
                                  struct user_signed_out *ended) {
    unsigned char hash[SECRET_HASH_SIZE];
    *fingerprint = fingerprint_make(request, hash);
    struct batch batch = batch_in(request->arena);
    batch_add(&batch, STATEMENT_user_set_fingerprint, db_text(user->user_id), db_blob(hash, sizeof(hash)));
    account_audit(&batch, request, user, "fingerprint replaced");
    struct ending ending = ending_add(&batch, user);
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    ending_read(request, &ending, ended);
    return ERROR_NONE;
}

enum error user_take_passkey(struct request *request, struct slice passkey_id, struct user_signed_out *ended) {
    struct batch batch = batch_in(request->arena);
    struct rows *found = batch_add(&batch, STATEMENT_passkey_find, db_text(passkey_id));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (found->count == 0)
        return fail(request, ERROR_NOT_FOUND, "There is no such passkey.");
    struct user user = user_from(found, 0, "created_at");
    batch = batch_in(request->arena);
    batch_add(&batch, STATEMENT_user_lock, db_text(user.user_id));
    audit_add(&batch, request,
              &(struct audit_change){.kind = AUDIT_ACCOUNT,
                                     .proof = AUDIT_PROOF_PASSKEY,
                                     .id = passkey_id,
                                     .of = user.user_id,
                                     .user = &user,
                                     .detail = SLICE("passkey taken away")});
    batch_add(&batch, STATEMENT_passkey_delete, db_text(passkey_id), db_text(user.user_id));
    struct ending ending = ending_add(&batch, &user);
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    ending_read(request, &ending, ended);
    return ERROR_NONE;
}

enum error user_delete(struct request *request, const struct user *user) {
    static const enum statement steps[] = {
        STATEMENT_user_lock_apps,
        STATEMENT_user_delete_counts,
        STATEMENT_user_delete_search,
        STATEMENT_user_delete_shares,
        STATEMENT_user_delete_uses,
        STATEMENT_user_delete_authorizations,
        STATEMENT_user_delete_device_codes,
        STATEMENT_user_delete_session_apps,
        STATEMENT_user_delete_apps,
        STATEMENT_user_delete_keys,
        STATEMENT_user_delete_passkeys,
        STATEMENT_user_delete_sessions,
        STATEMENT_user_delete,
    };
    enum { STEPS = sizeof(steps) / sizeof(*steps) };
    _Static_assert(2 + STEPS + LOGOUT_QUEUE_STATEMENTS + 1 <= BATCH_STATEMENTS_MAX, "they do not fit into one batch");
    const struct db_value id = db_text(user->user_id);
    struct batch batch = batch_in(request->arena);
    batch_add(&batch, STATEMENT_user_lock_alone, id);
    batch_add_values(&batch, STATEMENT_app_counts_lock, NULL, 0);
    account_audit(&batch, request, user, "account deleted");
    for (size_t i = 0; i < STEPS; i++)
        batch_add(&batch, steps[i], id);
    logout_queue_user(&batch, user->user_id);
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    db_forget_all(request->service->db);
    return ERROR_NONE;
}
