/* Random identifiers and secrets, unbiased, from the kernel (libsodium). Each writes a
 * NUL-terminated text of exactly the stated length. */
#ifndef CRYPTO_RANDOM_H
#define CRYPTO_RANDOM_H

#include <stddef.h>
#include <stdint.h>

enum {
    UUID_SIZE = 16,
    UUID_LEN = 36,
    KEY_ID_LEN = 22,            /* base62: 6 characters of time, 16 random (95 bits) */
    CLIENT_ID_LEN = 4 + 24,     /* cid_ + a-z0-9 */
    CLIENT_SECRET_LEN = 4 + 48, /* csc_ + A-Za-z0-9 */
    FINGERPRINT_LEN = 32,       /* A-Za-z0-9 */
    USER_CODE_LEN = 9,          /* BCDF-GHJK */
};

/* `len` characters of A-Za-z0-9 and a NUL. */
void random_base62(char *out, size_t len);

/* `bits` (at most 31) random bits. */
int64_t random_bits(int bits);

/* Sets the version and variant bits (RFC 9562 §4.1, §4.2) of 16 bytes, and writes them in lower case. */
void uuid_stamp(unsigned char bytes[UUID_SIZE], unsigned version);
void uuid_write(const unsigned char bytes[UUID_SIZE], char out[UUID_LEN + 1]);

/* RFC 9562 version 4. */
void uuid_random(char out[UUID_LEN + 1]);
/* RFC 9562 version 7: begins with time, so that rows made together stand together. */
void uuid_timed(char out[UUID_LEN + 1]);

/* The same idea in base62: sorts by the second it was made in. The secret beside it carries the
 * entropy; this is only its address. */
void key_id_mint(char out[KEY_ID_LEN + 1]);

void client_id_mint(char out[CLIENT_ID_LEN + 1]);
void client_secret_mint(char out[CLIENT_SECRET_LEN + 1]);
void fingerprint_mint(char out[FINGERPRINT_LEN + 1]);

/* For people to type (RFC 8628 §6.1): letters that make no words and are not mistaken for others, 34 bits. */
#define USER_CODE_LETTERS "BCDFGHJKLMNPQRSTVWXZ"
void user_code_mint(char out[USER_CODE_LEN + 1]);

#endif
