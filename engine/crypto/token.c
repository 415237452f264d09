#include "crypto/token.h"

#include <zlib.h>

static const char *const prefixes[] = {"cak_", "crt_", "cpk_", "cst_"};

enum {
    KINDS = 4,
    PREFIX_LEN = 4,
    ID_AT = PREFIX_LEN,
    DOT_AT = ID_AT + KEY_ID_LEN,
    SECRET_AT = DOT_AT + 1,
    CHECK_AT = SECRET_AT + TOKEN_SECRET_LEN
};

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static void check_write(const char *text, char out[TOKEN_CHECK_LEN]) {
    unsigned long rest = crc32(0, (const unsigned char *)text, CHECK_AT); /* CRC-32/ISO-HDLC */
    for (int i = TOKEN_CHECK_LEN; i--; rest /= 62)
        out[i] = base62[rest % 62];
}

/* Without branches: a token is random, so each would be mispredicted. */
static bool is_base62(const char *at, size_t len) {
    static const unsigned char digits[256] = {['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1};
    unsigned all = 1;
    for (size_t i = 0; i < len; i++)
        all &= digits[(unsigned char)at[i]];
    return all;
}

void token_mint(const struct keyring *keyring, enum token_kind kind, struct token *token) {
    memcpy(token->text, prefixes[kind], PREFIX_LEN);
    key_id_mint(token->id);
    memcpy(token->text + ID_AT, token->id, KEY_ID_LEN);
    token->text[DOT_AT] = '.';
    random_base62(token->text + SECRET_AT, TOKEN_SECRET_LEN);
    check_write(token->text, token->text + CHECK_AT);
    token->text[TOKEN_LEN] = '\0';
    secret_hash(keyring, (struct slice){token->text + SECRET_AT, TOKEN_SECRET_LEN}, token->hash);
}

bool token_parse(struct slice text, struct token_claim *claim) {
    char check[TOKEN_CHECK_LEN];
    if (text.len != TOKEN_LEN || text.at[DOT_AT] != '.' || !is_base62(text.at + ID_AT, KEY_ID_LEN) ||
        !is_base62(text.at + SECRET_AT, TOKEN_SECRET_LEN))
        return false;
    int kind = 0;
    while (kind < KINDS && !slice_starts(text, prefixes[kind]))
        kind++;
    check_write(text.at, check);
    if (kind == KINDS || memcmp(check, text.at + CHECK_AT, TOKEN_CHECK_LEN) != 0)
        return false;
    *claim = (struct token_claim){
        .kind = (enum token_kind)kind,
        .id = {text.at + ID_AT, KEY_ID_LEN},
        .secret = {text.at + SECRET_AT, TOKEN_SECRET_LEN},
    };
    return true;
}
