/* API keys: a user's own programs call the management API with them. */
#ifndef REGISTRY_API_KEYS_H
#define REGISTRY_API_KEYS_H

#include "server/response.h"
#include "store/record.h"

enum { API_KEY_NAME_MAX = 64 /* characters */ };

/* *api_key is shown once. The name, which may be empty, says what it is for. ERROR_BAD_REQUEST: it is too long;
 * ERROR_CONFLICT: there are `max` already. */
enum error api_key_create(struct request *request, const struct user *user, struct slice name, int64_t max,
                          struct slice *key_id, struct slice *api_key);
/* List of { key_id, name, created_at }, the oldest first. */
enum error api_key_list(struct request *request, const struct user *user, struct value **keys);
/* It stops at once on every worker. ERROR_NOT_FOUND: there is none, or not of that user (NULL: whoever's it is). */
enum error api_key_revoke(struct request *request, const struct user *user, struct slice key_id);

#endif
