#include "crypto/merlin.h"

#include "crypto/keccak.h"

/* STROBE-128 (§4 of its specification): rate, and the flags of the operations that Merlin uses. */
enum { RATE = 166, FLAG_I = 1, FLAG_A = 2, FLAG_C = 4, FLAG_M = 16 };

static void permute(struct transcript *t) {
    t->state.bytes[t->position] ^= (unsigned char)t->begin;
    t->state.bytes[t->position + 1] ^= 0x04;
    t->state.bytes[RATE + 1] ^= 0x80;
    keccak_f1600(t->state.words);
    t->position = t->begin = 0;
}

static void absorb(struct transcript *t, const void *data, size_t len) {
    const unsigned char *bytes = data;
    for (size_t i = 0; i < len; i++) {
        t->state.bytes[t->position++] ^= bytes[i];
        if (t->position == RATE)
            permute(t);
    }
}

static void squeeze(struct transcript *t, unsigned char *out, size_t len) {
    for (size_t i = 0; i < len; i++) {
        out[i] = t->state.bytes[t->position];
        t->state.bytes[t->position++] = 0;
        if (t->position == RATE)
            permute(t);
    }
}

static void operation_begin(struct transcript *t, unsigned flags) {
    const unsigned char head[2] = {(unsigned char)t->begin, (unsigned char)flags};
    t->begin = t->position + 1;
    absorb(t, head, sizeof(head));
    if ((flags & FLAG_C) && t->position != 0)
        permute(t);
}

/* meta-AD of label ‖ LE32(len): how Merlin frames everything. */
static void frame(struct transcript *t, struct slice label, size_t len) {
    const unsigned char little_endian[4] = {(unsigned char)len, (unsigned char)(len >> 8), (unsigned char)(len >> 16),
                                            (unsigned char)(len >> 24)};
    operation_begin(t, FLAG_M | FLAG_A);
    absorb(t, label.at, label.len);
    absorb(t, little_endian, sizeof(little_endian));
}

void transcript_init(struct transcript *transcript, struct slice label) {
    static const unsigned char head[] = {1,   RATE + 2, 1,   0,   1,   96,  'S', 'T', 'R',
                                         'O', 'B',      'E', 'v', '1', '.', '0', '.', '2'};
    static const struct slice protocol = {"Merlin v1.0", 11};
    *transcript = (struct transcript){0};
    memcpy(transcript->state.bytes, head, sizeof(head));
    keccak_f1600(transcript->state.words);
    operation_begin(transcript, FLAG_M | FLAG_A);
    absorb(transcript, protocol.at, protocol.len);
    transcript_append(transcript, SLICE("dom-sep"), label);
}

void transcript_append(struct transcript *transcript, struct slice label, struct slice message) {
    frame(transcript, label, message.len);
    operation_begin(transcript, FLAG_A);
    absorb(transcript, message.at, message.len);
}

void transcript_challenge(struct transcript *transcript, struct slice label, unsigned char *out, size_t len) {
    frame(transcript, label, len);
    operation_begin(transcript, FLAG_I | FLAG_A | FLAG_C);
    squeeze(transcript, out, len);
}
