#include "crypto/random.h"

#include "base/clock.h"

#include <sodium.h>
#include <string.h>

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"; /* in ASCII's order */

enum { ENTROPY = 64, TIME_LEN = 6 };

/* `len` characters of the first `size` of base62's order in `alphabet`; a byte that would make some
 * more likely than others is thrown away. */
static void random_text(char *out, size_t len, const char *alphabet, unsigned size) {
    unsigned char bytes[ENTROPY];
    unsigned limit = 256 - 256 % size;
    size_t used = ENTROPY;
    for (size_t i = 0; i < len;) {
        if (used == ENTROPY) {
            randombytes_buf(bytes, sizeof(bytes));
            used = 0;
        }
        unsigned byte = bytes[used++];
        if (byte < limit)
            out[i++] = alphabet[byte % size];
    }
    out[len] = '\0';
    sodium_memzero(bytes, sizeof(bytes));
}

void random_base62(char *out, size_t len) {
    random_text(out, len, base62, 62);
}

int64_t random_bits(int bits) {
    return randombytes_random() & ((1u << bits) - 1);
}

void uuid_stamp(unsigned char bytes[UUID_SIZE], unsigned version) {
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | version << 4);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
}

void uuid_write(const unsigned char bytes[UUID_SIZE], char out[UUID_LEN + 1]) {
    static const unsigned char groups[] = {8, 4, 4, 4, 12};
    char hex[2 * UUID_SIZE + 1];
    const char *from = sodium_bin2hex(hex, sizeof(hex), bytes, UUID_SIZE);
    for (size_t i = 0; i < sizeof(groups); from += groups[i++]) {
        memcpy(out, from, groups[i]);
        out += groups[i];
        *out++ = i + 1 < sizeof(groups) ? '-' : '\0';
    }
}

void uuid_random(char out[UUID_LEN + 1]) {
    unsigned char bytes[UUID_SIZE];
    randombytes_buf(bytes, sizeof(bytes));
    uuid_stamp(bytes, 4);
    uuid_write(bytes, out);
}

void uuid_timed(char out[UUID_LEN + 1]) {
    unsigned char bytes[UUID_SIZE];
    int64_t ms = clock_now_s() * 1000;
    randombytes_buf(bytes, sizeof(bytes));
    for (int i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(ms >> (40 - 8 * i));
    uuid_stamp(bytes, 7);
    uuid_write(bytes, out);
}

void key_id_mint(char out[KEY_ID_LEN + 1]) {
    random_base62(out, KEY_ID_LEN);
    int64_t rest = clock_now_s();
    for (int i = TIME_LEN; i--; rest /= 62)
        out[i] = base62[rest % 62];
}

void client_id_mint(char out[CLIENT_ID_LEN + 1]) {
    static const char lower[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    for (int i = 0; i < 4; i++)
        out[i] = "cid_"[i];
    random_text(out + 4, CLIENT_ID_LEN - 4, lower, 36);
}

void client_secret_mint(char out[CLIENT_SECRET_LEN + 1]) {
    for (int i = 0; i < 4; i++)
        out[i] = "csc_"[i];
    random_base62(out + 4, CLIENT_SECRET_LEN - 4);
}

void fingerprint_mint(char out[FINGERPRINT_LEN + 1]) {
    random_base62(out, FINGERPRINT_LEN);
}

void user_code_mint(char out[USER_CODE_LEN + 1]) {
    random_text(out, USER_CODE_LEN - 1, USER_CODE_LETTERS, sizeof(USER_CODE_LETTERS) - 1);
    memmove(out + 5, out + 4, 5); /* the second half and the NUL */
    out[4] = '-';
}
