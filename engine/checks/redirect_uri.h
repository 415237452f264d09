/* Redirect URIs (RFC 6749 §3.1.2, RFC 9700 §2.1, RFC 8252 §7). */
#ifndef CHECKS_REDIRECT_URI_H
#define CHECKS_REDIRECT_URI_H

#include "server/response.h"
#include "store/record.h"

enum { REDIRECT_URI_LEN_MAX = 2048 };

/* The parts of an absolute URI that rules speak of; scheme and host in lower case, host with its
 * brackets when IPv6. */
struct uri {
    struct slice scheme, host;
    struct slice before_port, after_port; /* the raw text around ":<port>" */
    bool has_authority, has_fragment, has_userinfo;
};

/* False unless it is an absolute URI of ASCII without spaces, control or other characters that RFC 3986 excludes; its
 * host, if it has one, a name of letters, digits, '-', '_' and '.', or an IP address; its port up to 65535. */
bool uri_parse(struct arena *arena, struct slice text, struct uri *uri);

/* Its scheme, host, port and path, normalized, so that two spellings of one resource are equal (RFC 3986 §6.2.2,
 * §6.2.3; dots in paths are left alone). Absent when it has no host, has userinfo, or is no URI. */
struct slice uri_target(struct arena *arena, struct slice text);

/* "scheme://host[:port]", or "scheme:" for a private-use scheme: what a CSP's form-action must
 * allow. The text must be a URI that was registered. */
struct slice uri_origin(struct arena *arena, struct slice text);

/* Whether the app registered it: byte for byte, but for the port of a loopback http address
 * (RFC 8252 §7.3). What uri_parse refuses it has not, whatever an earlier release took. */
bool redirect_uri_is_registered(struct arena *arena, const struct app *app, struct slice redirect_uri);
/* The same of where an app wants people back after they have signed out (RP-Initiated Logout §3). */
bool post_logout_redirect_uri_is_registered(struct arena *arena, const struct app *app, struct slice redirect_uri);

/* The redirect_uri with parameters added to its query, form-encoded (RFC 6749 §4.1.2). Absent values
 * are left out. */
struct redirect_param {
    const char *name;
    struct slice value;
};
struct slice redirect_build(struct arena *arena, struct slice redirect_uri, const struct redirect_param *params,
                            size_t count);

#endif
