#include "checks/wallet.h"

#include "base/json.h"
#include "checks/siws.h"
#include "crypto/ss58.h"

static bool is_space(char byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* None of these texts has white space in it: a terminal has put it there. */
static struct slice without_space(struct arena *arena, struct slice text) {
    if (!slice_is_set(text))
        return SLICE_NONE;
    struct buffer out = buffer_in(arena);
    for (size_t i = 0; i < text.len; i++)
        if (!is_space(text.at[i]))
            buffer_add_byte(&out, text.at[i]);
    return buffer_slice(&out);
}

/* Forms send line ends as CR LF, whatever they were (HTML §4.10.22.4). */
static struct slice text_as_signed(struct arena *arena, struct slice text) {
    struct buffer out = buffer_in(arena);
    while (text.len && is_space(text.at[0]))
        text = slice_from(text, 1);
    while (text.len && is_space(text.at[text.len - 1]))
        text.len--;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] != '\r')
            buffer_add_byte(&out, text.at[i]);
    return out.len ? buffer_slice(&out) : SLICE_NONE;
}

struct wallet_proof wallet_proof_from(struct arena *arena, const struct params *params) {
    struct wallet_proof proof = {
        .hotkey = without_space(arena, params_get(params, "hotkey")),
        .signature = without_space(arena, params_get(params, "signature")),
        .nonce = without_space(arena, params_get(params, "nonce")),
        .message = text_as_signed(arena, params_get(params, "message")),
    };
    /* btcli wallet sign --json-output */
    const struct value *said = slice_starts(proof.signature, "{") ? json_parse(arena, proof.signature, NULL) : NULL;
    if (slice_is_set(value_get_text(said, "signed_message"))) {
        proof.signature = value_get_text(said, "signed_message");
        proof.signer = value_get_text(said, "signer_address");
    }
    return proof;
}

struct slice wallet_message(struct request *request, struct slice nonce) {
    return arena_printf(request->arena, "Sign in to %.*s: %.*s", SLICE_ARG(request->service->settings->issuer),
                        SLICE_ARG(nonce));
}

/* What existing clients sign, the nonce alone, is taken as well. */
static enum wallet_verdict verify(struct request *request, const struct wallet_proof *proof,
                                  unsigned char key[SR25519_KEY_SIZE]) {
    if (slice_is_set(proof->message))
        return wallet_verify(proof->hotkey, proof->message, proof->signature, key);
    struct slice message = wallet_message(request, proof->nonce);
    enum wallet_verdict verdict = wallet_verify(proof->hotkey, message, proof->signature, key);
    return verdict == WALLET_BAD_SIGNATURE ? wallet_verify(proof->hotkey, proof->nonce, proof->signature, key)
                                           : verdict;
}

/* By key: the same account has an address for each prefix. */
static bool is_by_another(const struct wallet_proof *proof) {
    unsigned char signer[SS58_KEY_SIZE], hotkey[SS58_KEY_SIZE];
    return ss58_decode(proof->signer, signer) && ss58_decode(proof->hotkey, hotkey) &&
           memcmp(signer, hotkey, SS58_KEY_SIZE) != 0;
}

enum error wallet_signature_check(struct request *request, const struct wallet_proof *proof,
                                  unsigned char key[SR25519_KEY_SIZE]) {
    switch (verify(request, proof, key)) {
    case WALLET_OK:
        return slice_is_set(proof->message) ? siws_check(request, proof->message, key, proof->nonce) : ERROR_NONE;
    case WALLET_BAD_HOTKEY:
        return fail(request, ERROR_BAD_REQUEST, "The hotkey is not an SS58 address.");
    case WALLET_OTHER_SCHEME:
        return fail(request, ERROR_BAD_REQUEST,
                    "This signature is not sr25519. Keys of other types cannot sign in here.");
    case WALLET_NO_SIGNATURE:
        return fail(request, ERROR_BAD_REQUEST,
                    "This is not a signature: one has 128 hex digits, with or without 0x in front.");
    case WALLET_BAD_SIGNATURE:
        break;
    }
    if (is_by_another(proof))
        return fail(request, ERROR_BAD_REQUEST,
                    "This was signed by another key than the hotkey, such as your coldkey. btcli signs with the hotkey "
                    "when you add --use-hotkey.");
    return fail(request, ERROR_BAD_REQUEST,
                "This hotkey did not sign the text of the page, or the nonce. A signature for another site is not "
                "taken, nor one by the coldkey.");
}
