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

/* What user_change writes. */
enum user_column { USER_HOTKEY = 1, USER_ROLES = 2 };
/* The same errors as user_store; an absent hotkey takes it away. */
enum error user_change(struct request *request, const struct user *user, unsigned columns);
/* The old fingerprint stops; the new one is shown once. */
enum error user_renew_fingerprint(struct request *request, const struct user *user, struct slice *fingerprint);
/* With the user's apps, shares, authorizations, keys and sessions; tokens of them are dead by their joins, and apps of
 * others hear that the sessions have ended. */
enum error user_delete(struct request *request, const struct user *user);

#endif
