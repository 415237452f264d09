/* A token family: all tokens that descend from one authorization code. */
#ifndef ENDPOINTS_TOKEN_FAMILY_H
#define ENDPOINTS_TOKEN_FAMILY_H

#include "checks/client.h"
#include "crypto/token.h"

/* A fresh pair, not stored yet. */
struct token_pair {
    struct token access, refresh;
    int64_t now_s, access_expires_at_s, refresh_expires_at_s;
    const struct value *scopes;
};

/* Mints a pair that lives as the tokens policy says. */
enum error token_pair_mint(struct request *request, const struct user *user, const struct app *app,
                           const struct value *scopes, struct token_pair *pair);

/* The answer of the token endpoint (RFC 6749 §5.1) to that user's app; wipes the pair. */
struct response token_pair_answer(struct request *request, const struct user *user, const struct app *app,
                                  struct token_pair *pair);
/* Its refusal. `user` is NULL while it is not known. */
struct response token_refusal(struct request *request, const struct user *user, const struct app *app,
                              enum error error);

/* Ends the family: its row is revoked, and every token of it is gone from every cache when this returns. */
enum error token_family_revoke(struct request *request, struct slice grant_id);

/* The two grant types (RFC 6749 §4.1.3, §6); the client is checked already. */
struct response token_by_code(struct request *request, const struct client *client);
struct response token_by_refresh(struct request *request, const struct client *client);

/* Facts of an authorization as the scope policy's `previous`, from the columns authorized_scopes, authorized_at and
 * authorization_updated_at. */
struct value *token_previous(struct request *request, const struct rows *rows);

#endif
