/* What a user may be. Users are made by the operator (command line, --demo). */
#ifndef CHECKS_USER_RULES_H
#define CHECKS_USER_RULES_H

#include "server/response.h"
#include "store/record.h"

/* Stores a new user from username, hotkey (may be absent) and roles. Sets user_id and created_at. *fingerprint is shown
 * once. ERROR_BAD_REQUEST: a name, hotkey or role that is not valid; ERROR_CONFLICT: taken. */
enum error user_store(struct request *request, struct user *user, struct slice *fingerprint);

/* The user of a name (regardless of case). ERROR_NOT_FOUND. */
enum error user_find(struct request *request, struct slice username, struct user *user);

#endif
