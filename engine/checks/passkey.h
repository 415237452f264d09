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
    struct slice signature; /* of one that is there */
    /* Of a new one. Pages of our own send the attestation object alone. Others may send authenticator data, in which
     * the key is also, and beside either the key as DER: it must be the one that is attested. */
    struct slice attestation_object, public_key;
};
struct passkey_answer passkey_answer_from(const struct params *form);
/* Whether it is of a new one. */
bool passkey_answer_is_new(const struct passkey_answer *answer);

/* What a page asks for; the challenge of one is no other's. */
enum passkey_use { PASSKEY_SIGN_IN, PASSKEY_SECOND_FACTOR, PASSKEY_MAKE, PASSKEY_USES };
extern const char *const passkey_use_names[PASSKEY_USES]; /* "sign_in" … */
struct slice passkey_challenge(struct request *request, enum passkey_use use);

/* Adds `passkey` to the context of a page whose form is templates/passkey.html. `user`, and their `passkeys`
 * (passkey_list): NULL for PASSKEY_SIGN_IN. `unknown_id`: of a passkey that nobody has, of which the page is to tell
 * the browser; or absent. */
void passkey_ask(struct request *request, struct value *context, enum passkey_use use, const struct user *user,
                 const struct value *passkeys, struct slice unknown_id);

/* Somebody's passkey, for PASSKEY_SIGN_IN or PASSKEY_SECOND_FACTOR. Where nothing else was proved the authenticator
 * must have verified the person, not only that there is one. ERROR_BAD_REQUEST with a sentence: what it says is not
 * right; ERROR_NOT_FOUND: nobody has it. proven->user.sign_in is "passkey", now; proven->spent_id the nonce. */
enum error passkey_check(struct request *request, const struct passkey_answer *answer, enum passkey_use use,
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
