#include "checks/authorization_header.h"

#include "crypto/hex.h"
#include "server/request.h"

/* What follows "<scheme> ", or absent. Schemes compare without case (RFC 9110 §11.1). */
static struct slice after_scheme(struct slice header, const char *scheme) {
    if (!slice_is_set(header))
        return SLICE_NONE;
    size_t space = slice_find(header, ' ');
    if (space == header.len || !slice_is_nocase((struct slice){header.at, space}, scheme))
        return SLICE_NONE;
    return slice_trim(slice_from(header, space));
}

/* b64token (RFC 6750 §2.1). Without branches: a token is random, so each would be mispredicted. */
static struct slice b64token(struct slice token) {
    static const unsigned char allowed[256] = {
        ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['-'] = 1, ['.'] = 1,
        ['_'] = 1,         ['~'] = 1,         ['+'] = 1,         ['/'] = 1, ['='] = 1};
    unsigned all = 1;
    for (size_t i = 0; i < token.len; i++)
        all &= allowed[(unsigned char)token.at[i]];
    return all && token.len ? token : SLICE_NONE;
}

struct slice bearer_token(struct slice header) {
    return b64token(after_scheme(header, "Bearer"));
}

struct slice dpop_token(struct slice header) {
    return b64token(after_scheme(header, "DPoP"));
}

bool basic_is_tried(struct slice header) {
    return slice_is_set(after_scheme(header, "Basic"));
}

bool basic_credentials(struct arena *arena, struct slice header, struct slice *id, struct slice *secret) {
    struct slice pair = base64_decode(arena, after_scheme(header, "Basic"));
    if (!slice_is_set(pair))
        return false;
    size_t colon = slice_find(pair, ':');
    if (colon == pair.len)
        return false;
    *id = form_decode(arena, (struct slice){pair.at, colon});
    *secret = form_decode(arena, slice_from(pair, colon + 1));
    return slice_is_set(*id) && slice_is_set(*secret);
}
