#include "checks/pkce.h"

#include "crypto/secret.h"

#include <ctype.h>
#include <sodium.h>

enum { CHALLENGE_LEN = 43, VERIFIER_LEN_MAX = 128 };

static bool all_are(struct slice text, const char *beside_alphanumeric) {
    for (size_t i = 0; i < text.len; i++)
        if (!isalnum((unsigned char)text.at[i]) && !(text.at[i] && strchr(beside_alphanumeric, text.at[i])))
            return false;
    return true;
}

bool pkce_challenge_is_valid(struct slice challenge) {
    return challenge.len == CHALLENGE_LEN && all_are(challenge, "-_");
}

bool pkce_verifier_is_valid(struct slice verifier) {
    return verifier.len >= CHALLENGE_LEN && verifier.len <= VERIFIER_LEN_MAX && all_are(verifier, "-._~");
}

bool pkce_matches(struct slice verifier, struct slice challenge) {
    unsigned char digest[crypto_hash_sha256_BYTES];
    char text[sodium_base64_ENCODED_LEN(sizeof(digest), sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    crypto_hash_sha256(digest, (const unsigned char *)verifier.at, verifier.len);
    sodium_bin2base64(text, sizeof(text), digest, sizeof(digest), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return secret_equal(slice_of(text), challenge);
}
