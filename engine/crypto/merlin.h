/* Merlin transcripts on STROBE-128 (merlin.cool, strobe.sourceforge.io): what sr25519 hashes with. */
#ifndef CRYPTO_MERLIN_H
#define CRYPTO_MERLIN_H

#include "base/slice.h"

#include <stdint.h>

struct transcript {
    union {
        uint64_t words[25];
        unsigned char bytes[200];
    } state;
    unsigned position, begin;
};

void transcript_init(struct transcript *transcript, struct slice label);
void transcript_append(struct transcript *transcript, struct slice label, struct slice message);
void transcript_challenge(struct transcript *transcript, struct slice label, unsigned char *out, size_t len);

#endif
