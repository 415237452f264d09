/* Passkeys (WebAuthn Level 3 §7): what a page asks a browser for, and what the browser's answer proves. The challenge
 * is a nonce (checks/sign_in.h) of one purpose: to sign in, as a second factor, or to make a passkey. So nothing is
 * stored before somebody has proved something, and an answer is good for what its page asked, nothing else. */
#ifndef CHECKS_PASSKEY_H
#define CHECKS_PASSKEY_H

#include "checks/proven.h"
#include "registry/passkeys.h"

/* As forms send it (assets/passkey.js): base64url, or absent. */
struct passkey_answer {
    struct slice credential_id, client_data, authenticator_data;
    struct slice signature;  /* of one that is there */
    struct slice public_key; /* of a new one */
};
struct passkey_answer passkey_answer_from(const struct params *form);

/* Adds `passkey` to the context of a page whose form is templates/passkey.html: to use one of those of `user`, or to
 * make one (is_new); any of anybody's when `user` is NULL. `passkeys`: the user's (passkey_list); NULL: none. */
void passkey_ask(struct request *request, struct value *context, const struct user *user, const struct value *passkeys,
                 bool is_new);

/* Somebody's passkey. `is_alone`: nothing else was proved, so the authenticator must have verified the person, not only
 * that there is one. ERROR_BAD_REQUEST with a sentence: what it says is not right; ERROR_NOT_FOUND: nobody has it.
 * proven->user.sign_in is "passkey", now; proven->spent_id the nonce. */
enum error passkey_check(struct request *request, const struct passkey_answer *answer, bool is_alone,
                         struct proven *proven);

/* Spends the nonce of an answer that no session spends. ERROR_BAD_REQUEST: it was used already. */
enum error passkey_nonce_spend(struct request *request, const struct proven *proven);

/* A new passkey of that user, stored. *proven is as with passkey_check. `is_first`: only while she has none, also when
 * two are made at the same moment. */
struct passkey_making {
    const struct user *user;
    struct slice name;
    bool is_first;
};
enum error passkey_register(struct request *request, const struct passkey_making *making,
                            const struct passkey_answer *answer, struct proven *proven);

#endif
