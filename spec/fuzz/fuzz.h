/* What the fuzz targets share: an arena for each input, and a check that ends the process. A target is a function
 * `void fuzz(struct arena *arena, struct slice input)` in a file NAME_fuzz.c. */
#ifndef SPEC_FUZZ_H
#define SPEC_FUZZ_H

#include "base/arena.h"
#include "base/utf8.h"

#include <locale.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define FUZZ_CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort(); \
        } \
    } while (0)

static void fuzz(struct arena *arena, struct slice input);

/* Whether `part` lies inside `whole`. */
static inline bool fuzz_is_inside(struct slice part, struct slice whole) {
    return part.at >= whole.at && part.at + part.len <= whole.at + whole.len;
}

/* No NUL, and valid UTF-8: what endpoints may rely on. */
static inline bool fuzz_is_clean(struct slice text) {
    return utf8_is_valid(text) && (!text.len || !memchr(text.at, '\0', text.len));
}

int LLVMFuzzerInitialize(int *count, char ***words);
int LLVMFuzzerInitialize(int *count, char ***words) {
    (void)count;
    (void)words;
    setlocale(LC_CTYPE, "C.UTF-8");
    return sodium_init() < 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size) {
    struct arena arena;
    arena_init(&arena);
    /* A copy without a byte to spare: reading beyond it is seen. */
    char *copy = malloc(size + !size);
    memcpy(copy, bytes, size);
    fuzz(&arena, (struct slice){copy, size});
    free(copy);
    arena_free(&arena);
    return 0;
}

#endif
