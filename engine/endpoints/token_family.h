/* A token family: all tokens that descend from one grant. And the grant types of POST /idp/token, each in a file of its
 * own; the client is checked already. */
#ifndef ENDPOINTS_TOKEN_FAMILY_H
#define ENDPOINTS_TOKEN_FAMILY_H

#include "checks/client.h"
#include "checks/dpop.h"
#include "crypto/token.h"

/* Who asks for tokens, as far as the endpoint has checked it. */
struct token_caller {
    struct client client;
    const char *grant_type;
    struct dpop_proof proof; /* that came along; each grant type spends it when its grant is proven */
};

/* What tokens are to be made of. */
struct token_making {
    const struct user *user; /* NULL: the client itself (client_credentials) */
    const struct app *app;
    const struct value *scopes;
    struct slice audience; /* resources (RFC 8707), separated by spaces; "": none named */
    struct slice dpop_jkt; /* of the proof, which is spent: the access token is bound to it; absent: a bearer token */
    struct slice actor;    /* client_id of who exchanged a token for it; absent: nobody */
    int64_t expires_at_max_s; /* the access token lives no longer; 0: as the policy says */
    bool has_refresh, has_id_token;
    struct slice session_id, nonce, claims; /* for the id_token: sid; absent: none sent */
};

/* Fresh tokens, not stored yet. */
struct token_set {
    struct token access, refresh;
    struct slice access_text; /* what the client gets: opaque or a JWT; its hash is in `access` */
    struct slice id_token;    /* absent: none */
    const char *issued_type;  /* what an exchange says of the access token (RFC 8693 §2.2.1); NULL: not said */
    bool has_refresh;
    int64_t now_s, access_expires_at_s, refresh_expires_at_s;
    const struct user *user; /* as making has it; so it has to last */
    const struct app *app;
    const struct value *scopes;
    struct slice audience, dpop_jkt;
};

/* Mints them, to live and look as the tokens policy says. */
enum error token_set_mint(struct request *request, const struct token_making *making, struct token_set *set);

/* Adds their record to a batch that has just stored them, if it did. */
void token_set_audit(struct request *request, struct batch *batch, const struct token_set *set);
/* Adds what stores them, and the record, to a batch that has just made or redeemed their grant with the access token.
 */
void token_set_store(struct request *request, struct batch *batch, const struct token_set *set, struct slice grant_id);

/* The answer of the token endpoint (RFC 6749 §5.1); wipes the set. */
struct response token_set_answer(struct request *request, struct token_set *set);
/* Its refusal. `user` is NULL while it is not known. */
struct response token_refusal(struct request *request, const struct user *user, const struct app *app,
                              enum error error);

/* Ends the family: its row is revoked, and every token of it is gone from every cache when this returns. */
enum error token_family_revoke(struct request *request, struct slice grant_id);

/* What was used already comes again: the code (`refresh_id` absent) or that refresh token. Whoever comes second may be
 * the thief, or the first was: the family ends (RFC 9700 §4.14, RFC 6749 §4.1.2), and this gives ERROR_INVALID_GRANT.
 * ERROR_STORE_UNAVAILABLE, and nothing ends, while it is not sure that somebody was told of the first use. */
enum error token_replayed(struct request *request, struct slice grant_id, struct slice refresh_id);

/* When the first redemption was, if the second is no replay: after `since_s`, at `until_s` at the latest. */
struct token_repeatable {
    int64_t since_s, until_s; /* zeros: never */
};
/* The first tokens of a grant: `grant` is its row of grant_find. A replay revokes the family. */
struct response token_redeem(struct request *request, const struct token_caller *caller, const struct rows *grant,
                             struct token_repeatable repeatable);

/* Whether the caller has shown the key that `row` (its dpop_jkt) is bound to, if it is to one: ERROR_INVALID_GRANT. */
enum error token_binding_check(struct request *request, const struct token_caller *caller, const struct rows *row);
/* The same for a token that the caller presents in the parameter `token`. ERROR_INVALID_DPOP_PROOF without a proof;
 * `of_another` with a proof of another key. */
enum error token_possession_check(struct request *request, const struct token_caller *caller, struct slice dpop_jkt,
                                  const char *token, enum error of_another);

struct response token_by_code(struct request *request, const struct token_caller *caller);     /* RFC 6749 §4.1.3 */
struct response token_by_refresh(struct request *request, const struct token_caller *caller);  /* RFC 6749 §6 */
struct response token_by_client(struct request *request, const struct token_caller *caller);   /* RFC 6749 §4.4 */
struct response token_by_device(struct request *request, const struct token_caller *caller);   /* RFC 8628 §3.4 */
struct response token_by_exchange(struct request *request, const struct token_caller *caller); /* RFC 8693 */

/* Facts of an authorization as the scope policy's `previous`, from the columns authorized_scopes, authorized_at and
 * authorization_updated_at. */
struct value *token_previous(struct request *request, const struct rows *rows);

#endif
