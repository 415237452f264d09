#include "registry/users.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "crypto/ss58.h"
#include "registry/logout.h"

#include <ctype.h>

enum { USERNAME_LEN_MAX = 64 };

static bool username_is_valid(struct slice name) {
    if (!name.len || !utf8_is_valid(name) || utf8_count(name) > USERNAME_LEN_MAX)
        return false;
    uint32_t rune;
    for (size_t step; (step = utf8_next(name, &rune)); name = slice_from(name, step))
        if (!utf8_is_letter(rune) && !(rune < 0x80 && (isdigit((int)rune) || (rune && strchr("_-.", (int)rune)))))
            return false;
    return true;
}

static bool roles_are_valid(struct slice roles) {
    for (size_t i = 0; i < roles.len; i++)
        if (!isalnum((unsigned char)roles.at[i]) && !memchr("_- ", roles.at[i], 3))
            return false;
    return true;
}

/* *key is of the hotkey, when there is one. */
static enum error user_check(struct request *request, const struct user *user, unsigned char key[SS58_KEY_SIZE]) {
    if (!username_is_valid(user->username))
        return fail(request, ERROR_BAD_REQUEST, "A username has 1 to %d letters, digits, '_', '-' or '.'.",
                    USERNAME_LEN_MAX);
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

enum error user_store(struct request *request, struct user *user, struct slice *fingerprint) {
    unsigned char key[SS58_KEY_SIZE], hash[SECRET_HASH_SIZE];
    enum error error = user_check(request, user, key);
    if (error)
        return error;
    char user_id[UUID_LEN + 1];
    uuid_random(user_id);
    user->user_id = arena_copy(request->arena, slice_of(user_id));
    user->created_at = clock_now_s();
    *fingerprint = fingerprint_make(request, hash);

    struct batch batch = batch_in(request->arena);
    struct rows *made = batch_add(&batch, STATEMENT_user_insert, db_text(user->user_id), db_text(user->username),
                                  db_text(utf8_lower(request->arena, user->username)), db_text(user->hotkey),
                                  slice_is_set(user->hotkey) ? db_blob(key, sizeof(key)) : db_null(),
                                  db_blob(hash, sizeof(hash)), db_text(user->roles), db_int(user->created_at));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (made->count == 0)
        return fail(request, ERROR_CONFLICT, "This username or hotkey is taken.");
    return ERROR_NONE;
}

enum error user_find(struct request *request, struct slice username, struct user *user) {
    struct batch batch = batch_in(request->arena);
    struct rows *rows = batch_add(&batch, STATEMENT_user_by_name, db_text(utf8_lower(request->arena, username)));
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

enum error user_change(struct request *request, const struct user *user, unsigned columns) {
    unsigned char key[SS58_KEY_SIZE];
    enum error error = user_check(request, user, key);
    if (error)
        return error;
    struct batch batch = batch_in(request->arena);
    struct rows *changed = batch_add(&batch, STATEMENT_user_update, db_text(user->user_id), db_text(user->hotkey),
                                     slice_is_set(user->hotkey) ? db_blob(key, sizeof(key)) : db_null(),
                                     db_text(user->roles), db_int(columns));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    db_forget_all(request->service->db);
    return changed->count ? ERROR_NONE : fail(request, ERROR_CONFLICT, "This hotkey is taken.");
}

enum error user_renew_fingerprint(struct request *request, const struct user *user, struct slice *fingerprint) {
    unsigned char hash[SECRET_HASH_SIZE];
    *fingerprint = fingerprint_make(request, hash);
    struct batch batch = batch_in(request->arena);
    batch_add(&batch, STATEMENT_user_set_fingerprint, db_text(user->user_id), db_blob(hash, sizeof(hash)));
    return db_run(request->service->db, &batch) ? ERROR_NONE : ERROR_STORE_UNAVAILABLE;
}

enum error user_delete(struct request *request, const struct user *user) {
    static const enum statement steps[] = {
        STATEMENT_user_delete_counts, STATEMENT_user_delete_search,         STATEMENT_user_delete_shares,
        STATEMENT_user_delete_uses,   STATEMENT_user_delete_authorizations, STATEMENT_user_delete_apps,
        STATEMENT_user_delete_keys,   STATEMENT_user_delete_passkeys,       STATEMENT_user_delete_sessions,
        STATEMENT_user_delete,
    };
    enum { STEPS = sizeof(steps) / sizeof(*steps) };
    _Static_assert(STEPS + LOGOUT_QUEUE_STATEMENTS <= BATCH_STATEMENTS_MAX, "they do not fit into one batch");
    const struct db_value id = db_text(user->user_id);
    struct batch batch = batch_in(request->arena);
    for (size_t i = 0; i < STEPS; i++)
        batch_add(&batch, steps[i], id);
    logout_queue_user(&batch, user->user_id);
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    db_forget_all(request->service->db);
    return ERROR_NONE;
}
