/* Tokens: `<prefix>_<id>.<secret><check>` (contract §2). `id` is how a row is found, `secret` proves
 * possession, `check` is the CRC-32 of everything before it in base62, so that noise and typing
 * errors are refused without asking the store and scanners can tell a leaked token. */
#ifndef CRYPTO_TOKEN_H
#define CRYPTO_TOKEN_H

#include "crypto/random.h"
#include "crypto/secret.h"

enum token_kind { TOKEN_ACCESS, TOKEN_REFRESH, TOKEN_API_KEY, TOKEN_SESSION }; /* cak_ crt_ cpk_ cst_ */

enum {
    TOKEN_SECRET_LEN = 43,
    TOKEN_CHECK_LEN = 6,
    TOKEN_LEN = 4 + KEY_ID_LEN + 1 + TOKEN_SECRET_LEN + TOKEN_CHECK_LEN
};

struct token {
    char text[TOKEN_LEN + 1];
    char id[KEY_ID_LEN + 1];
    unsigned char hash[SECRET_HASH_SIZE];
};

/* What a presented token says of itself; slices point into the presented text. */
struct token_claim {
    enum token_kind kind;
    struct slice id, secret;
};

/* Makes a new one. The caller hands text out once and stores only id and hash. */
void token_mint(const struct keyring *keyring, enum token_kind kind, struct token *token);

/* False unless the text has exactly a token's form and its check is right. Proves nothing yet. */
bool token_parse(struct slice text, struct token_claim *claim);

#endif
