/* The wallets' libraries' vectors (vectors.mjs writes vectors.json), and a server's secret to test with. */
#ifndef SPEC_CRYPTO_VECTORS_H
#define SPEC_CRYPTO_VECTORS_H

#include "base/json.h"
#include "crypto/hex.h"
#include "crypto/keyring.h"

#include <stdio.h>
#include <stdlib.h>

/* The rows of one section; the process ends when the file cannot be read. */
static inline const struct value *vectors_read(struct arena *arena, const char *section) {
    static const char path[] = MOONLATCH_HOME "/spec/crypto/vectors.json";
    struct buffer text = buffer_in(arena);
    struct slice error = SLICE("cannot be opened");
    FILE *file = fopen(path, "r");
    size_t got = 0;
    do {
        text.len += got;
        got = file ? fread(buffer_reserve(&text, 65536), 1, 65536, file) : 0;
    } while (got);
    if (file)
        fclose(file);
    struct value *all = file ? json_parse(arena, buffer_slice(&text), &error) : NULL;
    const struct value *rows = value_get(all, section);
    if (!rows || !rows->first) {
        printf("# %s: %s: %.*s\n", path, section, SLICE_ARG(error));
        exit(1);
    }
    return rows;
}

/* The bytes of a row's hex text. */
static inline struct slice vector_bytes(struct arena *arena, struct slice text) {
    size_t size = (text.len - 2) / 2;
    unsigned char *bytes = arena_alloc(arena, size + 1);
    if (!hex_decode(text, bytes, size))
        exit(1);
    return (struct slice){(const char *)bytes, size};
}

/* A keyring whose secret is 32 times `byte`. */
static inline struct keyring *keyring_of(int byte) {
    unsigned char secret[SECRET_SIZE];
    memset(secret, byte, sizeof(secret));
    struct keyring *keyring = keyring_from(secret);
    if (!keyring)
        exit(1);
    return keyring;
}

#endif
