#include "crypto/token.h"

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

/* CRC-32 (IEEE 802.3). A CRC is linear, so the usual table of 256 is the sum of one per half byte. */
static uint32_t crc32_of(const char *at, size_t len) {
    static const uint32_t low[16] = {0x00000000, 0x77073096, 0xee0e612c, 0x990951ba, 0x076dc419, 0x706af48f,
                                     0xe963a535, 0x9e6495a3, 0x0edb8832, 0x79dcb8a4, 0xe0d5e91e, 0x97d2d988,
                                     0x09b64c2b, 0x7eb17cbd, 0xe7b82d07, 0x90bf1d91};
    static const uint32_t high[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                      0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                      0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        uint32_t byte = (crc ^ (unsigned char)at[i]) & 0xff;
        crc = crc >> 8 ^ low[byte & 15] ^ high[byte >> 4];
    }
    return ~crc;
}

static void check_write(const char *text, char out[TOKEN_CHECK_LEN]) {
    uint32_t rest = crc32_of(text, CHECK_AT);
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
