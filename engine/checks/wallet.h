/* What a wallet proves (contract §3): a text of this site with a nonce of ours, signed with a hotkey. It comes from
 * programs, and from people who paste it. */
#ifndef CHECKS_WALLET_H
#define CHECKS_WALLET_H

#include "crypto/sr25519.h"
#include "server/response.h"

struct wallet_proof {
    struct slice hotkey, signature, nonce;
    struct slice signer;  /* who has signed, where what was pasted says so (btcli); else absent */
    struct slice message; /* a text of Sign-In with Substrate (siws.h); absent: one of our own */
};

/* As a form or a query has it, without what comes of pasting: white space around and line ends inside, the line ends of
 * forms in the message, and btcli's JSON around the signature. */
struct wallet_proof wallet_proof_from(struct arena *arena, const struct params *params);

/* What a wallet signs for that nonce. It names the site, so that no other can pass off its text as its own. */
struct slice wallet_message(struct request *request, struct slice nonce);

/* Whether the hotkey, whose key is put into `key`, has signed that, or the nonce alone, or the message.
 * ERROR_BAD_REQUEST with a sentence that says what is not right. The nonce itself is the caller's to check. */
enum error wallet_signature_check(struct request *request, const struct wallet_proof *proof,
                                  unsigned char key[SR25519_KEY_SIZE]);

#endif
