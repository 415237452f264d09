/* Users: made, changed and deleted by the operator (command line, --demo). */
#ifndef REGISTRY_USERS_H
#define REGISTRY_USERS_H

#include "server/response.h"
#include "store/record.h"

/* Stores a new user from username, hotkey (may be absent) and roles. Sets user_id and created_at. *fingerprint is shown
 * once. ERROR_BAD_REQUEST: a name, hotkey or role that is not valid; ERROR_CONFLICT: taken. */
enum error user_store(struct request *request, struct user *user, struct slice *fingerprint);

/* The user of a name (regardless of case). ERROR_NOT_FOUND. */
enum error user_find(struct request *request, struct slice username, struct user *user);
enum error user_find_by_id(struct request *request, struct slice user_id, struct user *user);
enum error user_find_by_id_or_name(struct request *request, struct slice id_or_name, struct user *user);

/* Who has a credential of somebody's may be signed in by it, and have let apps in: when the operator replaces it or
 * takes it away, all sessions of the user and all tokens of apps for them end in the same batch, on every node as the
 * cache's law says (sql/README.md), and apps are told. What was allowed stays, so that nobody is asked again; so do API
 * keys and other passkeys, which is for the operator to look at. */
struct user_signed_out {
    bool is_done;
    int64_t sessions, apps;     /* that ended; apps whose tokens stopped, if they had any */
    int64_t api_keys, passkeys; /* that are left */
};

/* What user_change writes. */
enum user_column { USER_HOTKEY = 1, USER_ROLES = 2 };
/* The same errors as user_store; an absent hotkey takes it away. `before`: as the user is. Where a hotkey is replaced
 * or taken away, *ended says what went with it (user_signed_out). */
enum error user_change(struct request *request, const struct user *before, const struct user *user, unsigned columns,
                       struct user_signed_out *ended);
/* The old fingerprint stops, and all that it may have begun; the new one is shown once. */
enum error user_renew_fingerprint(struct request *request, const struct user *user, struct slice *fingerprint,
                                  struct user_signed_out *ended);
/* A passkey of anybody's that was lost or stolen goes, and all that it may have begun. ERROR_NOT_FOUND. */
enum error user_take_passkey(struct request *request, struct slice passkey_id, struct user_signed_out *ended);
/* With the user's apps, shares, authorizations, keys and sessions; tokens of them are dead by their joins, and apps of
 * others hear that the sessions have ended. */
enum error user_delete(struct request *request, const struct user *user);

#endif
