#include "checks/caller.h"

#include "base/clock.h"
#include "checks/access_token.h"
#include "checks/authorization_header.h"
#include "checks/csrf.h"
#include "checks/session.h"
#include "crypto/hex.h"
#include "crypto/sr25519.h"
#include "crypto/token.h"
#include "server/route.h"

#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>

enum { HOTKEY_NONCE_SKEW_S = 600 };

static bool changes_something(const struct request *request) {
    return !slice_is(request->method, "GET") && !slice_is(request->method, "HEAD");
}

/* The last part of what is signed says what is asked: the body where the route takes one, else method and path. A
 * signature over some other service's body is good for no route that takes none (contract §3). */
static struct slice signed_text(struct request *request) {
    struct slice last;
    if (request->route->body != BODY_NONE && request->body.len) {
        unsigned char digest[crypto_hash_sha256_BYTES];
        crypto_hash_sha256(digest, (const unsigned char *)request->body.at, request->body.len);
        last = hex_encode(request->arena, (struct slice){(const char *)digest, sizeof(digest)});
    } else {
        last = arena_printf(request->arena, "idp:%.*s:%.*s", SLICE_ARG(request->method), SLICE_ARG(request->path));
    }
    return arena_printf(request->arena, "%.*s:%.*s:%.*s", SLICE_ARG(request->hotkey), SLICE_ARG(request->nonce),
                        SLICE_ARG(last));
}

static bool is_digits(struct slice text) {
    for (size_t i = 0; i < text.len; i++)
        if (!isdigit((unsigned char)text.at[i]))
            return false;
    return text.len > 0;
}

static enum error nonce_check(struct request *request) {
    enum { DIGITS_MAX = 12 };
    if (request->nonce.len > DIGITS_MAX || !is_digits(request->nonce))
        return fail(request, ERROR_UNAUTHENTICATED, "X-Chutes-Nonce must be the time, in Unix seconds.");
    int64_t now_s = clock_now_s(), off_s = strtoll(arena_string(request->arena, request->nonce), NULL, 10) - now_s;
    if (off_s >= -HOTKEY_NONCE_SKEW_S && off_s <= HOTKEY_NONCE_SKEW_S)
        return ERROR_NONE;
    return fail(request, ERROR_UNAUTHENTICATED,
                "X-Chutes-Nonce is %lld seconds off: here it is %lld, and %d seconds are the most.",
                (long long)(off_s < 0 ? -off_s : off_s), (long long)now_s, HOTKEY_NONCE_SKEW_S);
}

/* Whose signature it is, and over what; *text is what was signed. */
static enum error signature_check(struct request *request, struct slice *text, unsigned char key[SR25519_KEY_SIZE]) {
    if (!slice_is_set(request->signature))
        return fail(request, ERROR_UNAUTHENTICATED, "X-Chutes-Signature is missing.");
    enum error error = nonce_check(request);
    if (error)
        return error;
    if (request->route->body == BODY_NONE && request->body.len)
        return fail(request, ERROR_BAD_REQUEST,
                    "This route takes no body, and the signature is over method and path alone: send none.");
    *text = signed_text(request);
    switch (wallet_verify(request->hotkey, *text, request->signature, key)) {
    case WALLET_OK:
        return ERROR_NONE;
    case WALLET_NO_SIGNATURE:
        return fail(request, ERROR_UNAUTHENTICATED, "X-Chutes-Signature is not a signature: one has 128 hex digits.");
    default:
        return fail(request, ERROR_UNAUTHENTICATED, "The hotkey's signature is not valid.");
    }
}

static enum error by_hotkey(struct request *request, struct caller *caller) {
    unsigned char key[SR25519_KEY_SIZE];
    struct slice text;
    enum error error = signature_check(request, &text, key);
    if (error)
        return error;
    struct batch batch = batch_in(request->arena);
    struct db_value hotkey = db_blob(key, sizeof(key));
    struct rows *found = batch_add(&batch, STATEMENT_user_by_hotkey, hotkey), *first = NULL;
    if (changes_something(request)) {
        /* Spent is what was signed, by the key that signed it: sr25519 signatures are randomized, so
         * the wallet's owner may sign the same text again, and only the first may be used. */
        unsigned char digest[crypto_hash_sha256_BYTES];
        crypto_hash_sha256(digest, (const unsigned char *)text.at, text.len);
        struct slice id =
            arena_printf(request->arena, "caller:%.*s",
                         SLICE_ARG(hex_encode(request->arena, (struct slice){(const char *)digest, sizeof(digest)})));
        first = batch_add(&batch, STATEMENT_spend_by_hotkey, db_text(id), db_text(request_works_by_id(request)),
                          db_int(clock_now_s() + 2 * HOTKEY_NONCE_SKEW_S), hotkey);
    }
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (found->count == 0)
        return fail(request, ERROR_UNAUTHENTICATED, "No account has this hotkey.");
    if (first && first->count == 0)
        return fail(request, ERROR_UNAUTHENTICATED, "This signature has been used already.");
    caller->user = user_from(found, 0, "created_at");
    caller->user.sign_in = (struct sign_in){SLICE("signature"), clock_now_s()};
    return ERROR_NONE;
}

static enum error by_api_key(struct request *request, const struct token_claim *claim, struct caller *caller) {
    struct rows *rows = db_find(request->service->db, request->arena, STATEMENT_api_key_find, claim->id);
    if (!rows)
        return ERROR_STORE_UNAVAILABLE;
    if (rows->count == 0 || !secret_matches(request->service->keyring, claim->secret, row_text(rows, 0, "secret_hash")))
        return fail(request, ERROR_UNAUTHENTICATED, "The API key is not valid.");
    caller->user = user_from(rows, 0, "created_at");
    caller->user.sign_in = (struct sign_in){SLICE("api_key"), clock_now_s()};
    return ERROR_NONE;
}

static enum error by_session(struct request *request, struct slice token, struct caller *caller) {
    struct session session;
    enum error error = session_from_token(request, token, &session);
    if (error)
        return error;
    caller->user = session.user;
    return ERROR_NONE;
}

/* Browsers send it whoever made them: a change needs what only our page knows. */
static enum error by_cookie(struct request *request, struct slice cookie, struct caller *caller) {
    struct session session;
    enum error error = session_from_token(request, cookie, &session);
    if (error || (changes_something(request) && (error = csrf_token_check(request, &session))))
        return error;
    caller->user = session.user;
    return ERROR_NONE;
}

static enum error by_access_token(struct request *request, struct slice text, const struct token_claim *claim,
                                  struct caller *caller) {
    struct access_token token;
    enum error error = access_token_find(request, claim, &token);
    if (!error)
        error = access_token_possession_check(request, text, &token);
    if (error)
        return error == ERROR_INVALID_TOKEN ? ERROR_UNAUTHENTICATED : error;
    if (!token.has_user)
        return fail(request, ERROR_UNAUTHENTICATED, "This is a token of a client for itself, not of a user.");
    struct value *need = value_map(request->arena);
    value_set_text(request->arena, need, "type", SLICE("account"));
    value_set_text(request->arena, need, "action", changes_something(request) ? SLICE("write") : SLICE("read"));
    if (!policy_permits(request->service->policy, request->arena, names_split(request->arena, token.scopes), need))
        return ERROR_INSUFFICIENT_SCOPE;
    caller->user = token.user;
    return ERROR_NONE;
}

static enum error caller_read(struct request *request, struct caller *caller) {
    /* A hotkey that has signed nothing is no caller: clients name it beside their API key. */
    if (slice_is_set(request->hotkey) && (slice_is_set(request->signature) || !slice_is_set(request->authorization)))
        return by_hotkey(request, caller);
    struct slice text = bearer_token(request->authorization);
    if (!slice_is_set(text))
        text = dpop_token(request->authorization);
    if (!slice_is_set(text) && slice_starts(request->authorization, "cpk_"))
        text = request->authorization;
    struct token_claim claim;
    if (slice_is_set(text)) {
        if (!access_token_parse(request, text, &claim))
            return fail(request, ERROR_UNAUTHENTICATED, "The token is malformed.");
        switch (claim.kind) {
        case TOKEN_API_KEY:
            return by_api_key(request, &claim, caller);
        case TOKEN_SESSION:
            return by_session(request, text, caller);
        case TOKEN_ACCESS:
            return by_access_token(request, text, &claim, caller);
        case TOKEN_REFRESH:
            return fail(request, ERROR_UNAUTHENTICATED, "A refresh token does not authenticate a call.");
        }
    }
    struct slice cookie = cookie_get(request->cookie, SESSION_COOKIE);
    if (slice_is_set(cookie))
        return by_cookie(request, cookie, caller);
    return fail(request, ERROR_UNAUTHENTICATED, "Authentication is missing.");
}

enum error caller_check(struct request *request, struct caller *caller) {
    enum error error = caller_read(request, caller);
    if (error)
        return error;
    request->about.user_id = caller->user.user_id;
    request->about.username = caller->user.username;
    return ERROR_NONE;
}
