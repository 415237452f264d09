/* Passkeys in the store; what they prove is checked before (checks/passkey.h). */
#ifndef REGISTRY_PASSKEYS_H
#define REGISTRY_PASSKEYS_H

#include "server/response.h"
#include "store/record.h"

enum { PASSKEY_NAME_MAX = 64 /* characters */ };

struct passkey {
    struct slice passkey_id; /* base64url */
    struct slice name, public_key;
    int64_t sign_count;
    bool is_synced; /* it may be on several devices */
};

/* ERROR_CONFLICT: it is somebody's already, or the user has `max`. */
enum error passkey_add(struct request *request, const struct user *user, const struct passkey *passkey, int64_t max);
/* List of { passkey_id, name, created_at, used_at }, the oldest first. */
enum error passkey_list(struct request *request, const struct user *user, struct value **passkeys);
/* ERROR_NOT_FOUND: there is none, or not of that user. Sessions that it began go on: who removes one signs out on the
 * same pages; what the operator takes away is user_take_passkey's (users.h). */
enum error passkey_remove(struct request *request, const struct user *user, struct slice passkey_id);

#endif
