#include "checks/user_rules.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "crypto/ss58.h"

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

enum error user_store(struct request *request, struct user *user, struct slice *fingerprint) {
    unsigned char key[SS58_KEY_SIZE], hash[SECRET_HASH_SIZE];
    if (!username_is_valid(user->username))
        return fail(request, ERROR_BAD_REQUEST, "A username has 1 to %d letters, digits, '_', '-' or '.'.",
                    USERNAME_LEN_MAX);
    if (slice_is_set(user->hotkey) && !ss58_decode(user->hotkey, key))
        return fail(request, ERROR_BAD_REQUEST, "The hotkey is not an SS58 address.");
    if (!roles_are_valid(user->roles))
        return fail(request, ERROR_BAD_REQUEST, "A role has letters, digits, '_' and '-'.");
    char user_id[UUID_LEN + 1], secret[FINGERPRINT_LEN + 1];
    uuid_random(user_id);
    fingerprint_mint(secret);
    secret_hash(request->service->keyring, slice_of(secret), hash);
    user->user_id = arena_copy(request->arena, slice_of(user_id));
    user->created_at = clock_now_s();
    *fingerprint = arena_copy(request->arena, slice_of(secret));

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
