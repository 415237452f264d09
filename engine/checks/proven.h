/* Somebody who has proved who they are; no session of theirs has begun yet. */
#ifndef CHECKS_PROVEN_H
#define CHECKS_PROVEN_H

#include "server/response.h"
#include "store/record.h"

struct proven {
    struct user user;        /* with sign_in */
    struct slice credential; /* what it was proved with, as the store has it: hash of the fingerprint, public key of
                              * hotkey or passkey. No session begins when it is no longer the user's. */
    int64_t passkeys;        /* how many the user has; of a proof without one */
    struct slice spent_id;   /* the proof is good once: what its use spends; absent: it is a secret */
    int64_t spent_expires_at_s;
};

#endif
