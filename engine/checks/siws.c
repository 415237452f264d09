#include "checks/siws.h"

#include "base/clock.h"
#include "checks/redirect_uri.h"
#include "crypto/ss58.h"

#include <time.h>

enum member { URI, VERSION, NONCE, CHAIN_ID, ISSUED_AT, EXPIRATION_TIME, NOT_BEFORE, REQUEST_ID, MEMBERS };
static const char *const names[MEMBERS] = {
    [URI] = "URI: ",
    [VERSION] = "Version: ",
    [NONCE] = "Nonce: ",
    [CHAIN_ID] = "Chain ID: ",
    [ISSUED_AT] = "Issued At: ",
    [EXPIRATION_TIME] = "Expiration Time: ",
    [NOT_BEFORE] = "Not Before: ",
    [REQUEST_ID] = "Request ID: ",
};

struct siws {
    struct slice domain, address;
    struct slice members[MEMBERS];
};

static bool member_read(struct siws *siws, struct slice line) {
    for (int i = 0; i < MEMBERS; i++)
        if (slice_starts(line, names[i]) && !slice_is_set(siws->members[i])) {
            siws->members[i] = slice_from(line, strlen(names[i]));
            return true;
        }
    return false;
}

/* Each once, then resources, if any. */
static bool members_read(struct siws *siws, struct slice rest) {
    bool is_resource = false;
    while (slice_is_set(rest)) {
        struct slice line = slice_cut(&rest, '\n');
        if (is_resource ? !slice_starts(line, "- ") : !slice_is(line, "Resources:") && !member_read(siws, line))
            return false;
        is_resource = is_resource || slice_is(line, "Resources:");
    }
    return slice_is_set(siws->members[URI]) && slice_is_set(siws->members[VERSION]) &&
           slice_is_set(siws->members[NONCE]);
}

/* "DOMAIN wants you to sign in with your CHAIN account:" */
static bool intro_read(struct siws *siws, struct slice line) {
    static const char asks[] = " wants you to sign in with your ", ends[] = " account:";
    siws->domain = (struct slice){line.at, slice_find(line, ' ')};
    struct slice rest = slice_from(line, siws->domain.len);
    return siws->domain.len && slice_starts(rest, asks) && rest.len > sizeof(asks) - 1 + sizeof(ends) - 1 &&
           memcmp(rest.at + rest.len - (sizeof(ends) - 1), ends, sizeof(ends) - 1) == 0;
}

/* A statement is one line, so that nothing in it is taken for what follows. */
static bool siws_read(struct siws *siws, struct slice rest) {
    if (!intro_read(siws, slice_cut(&rest, '\n')) || !slice_is_set(rest))
        return false;
    siws->address = slice_cut(&rest, '\n');
    struct slice line = slice_cut(&rest, '\n');
    if (slice_starts(line, "(") && slice_is_set(rest)) /* an alias, of the text's first edition */
        line = slice_cut(&rest, '\n');
    if (line.len || !slice_is_set(rest))
        return false;
    struct slice behind = rest;
    slice_cut(&behind, '\n');
    if (slice_is_set(behind) && slice_cut(&behind, '\n').len == 0)
        rest = behind;
    return members_read(siws, rest);
}

/* As JavaScript's toISOString() writes it. */
static bool time_read(struct slice text, int64_t *at_s) {
    enum { TEXT_MAX = 32 };
    char copy[TEXT_MAX + 1];
    struct tm tm = {0};
    if (text.len > TEXT_MAX)
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    const char *end = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
    if (end && *end == '.')
        end += 1 + strspn(end + 1, "0123456789");
    *at_s = timegm(&tm);
    return end && strcmp(end, "Z") == 0;
}

/* Absent or right. `must_be_ahead`: of now. */
static bool time_is_right(struct slice text, bool must_be_ahead) {
    int64_t at_s;
    return !slice_is_set(text) || (time_read(text, &at_s) && (at_s > clock_now_s()) == must_be_ahead);
}

/* The issuer's, with or without its port: what window.location.host or .hostname is there. */
static bool domain_is_ours(struct request *request, struct slice domain) {
    struct slice origin = uri_origin(request->arena, request->service->settings->issuer);
    struct slice host = slice_from(origin, slice_find(origin, ':') + strlen("://"));
    if (slice_equal(domain, host))
        return true;
    struct uri uri;
    return uri_parse(request->arena, origin, &uri) && slice_equal(domain, uri.host);
}

enum error siws_check(struct request *request, struct slice message, const unsigned char key[SR25519_KEY_SIZE],
                      struct slice nonce) {
    struct siws siws = {0};
    unsigned char named[SS58_KEY_SIZE];
    struct slice issuer = uri_origin(request->arena, request->service->settings->issuer);
    if (!siws_read(&siws, message) || !slice_is(siws.members[VERSION], "1.0.0"))
        return fail(request, ERROR_BAD_REQUEST, "The message is not a text of Sign-In with Substrate 1.0.0.");
    if (!domain_is_ours(request, siws.domain) || !slice_equal(uri_origin(request->arena, siws.members[URI]), issuer))
        return fail(request, ERROR_BAD_REQUEST, "The message is for another site.");
    if (!ss58_decode(siws.address, named) || memcmp(named, key, SS58_KEY_SIZE) != 0)
        return fail(request, ERROR_BAD_REQUEST, "The message names another account than the hotkey.");
    if (!slice_equal(siws.members[NONCE], nonce))
        return fail(request, ERROR_BAD_REQUEST, "The message has another nonce.");
    if (!time_is_right(siws.members[EXPIRATION_TIME], true) || !time_is_right(siws.members[NOT_BEFORE], false))
        return fail(request, ERROR_BAD_REQUEST, "The message has expired, or is not good yet.");
    return ERROR_NONE;
}
