#include "checks/redirect_uri.h"

#include "base/buffer.h"
#include "crypto/hex.h"

#include <arpa/inet.h>
#include <ctype.h>

static struct slice lower(struct arena *arena, struct slice text) {
    char *at = arena_alloc(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++)
        at[i] = (char)tolower((unsigned char)text.at[i]);
    at[text.len] = '\0';
    return (struct slice){at, text.len};
}

/* RFC 3986 §2: everything that may stand in a URI; %, not checked further, stands for itself. */
static bool characters_are_allowed(struct slice text) {
    for (size_t i = 0; i < text.len; i++)
        if (!isalnum((unsigned char)text.at[i]) && !(text.at[i] && strchr("-._~:/?#[]@!$&'()*+,;=%", text.at[i])))
            return false;
    return true;
}

static bool scheme_is_valid(struct slice scheme) {
    if (!scheme.len || !isalpha((unsigned char)scheme.at[0]))
        return false;
    for (size_t i = 0; i < scheme.len; i++)
        if (!isalnum((unsigned char)scheme.at[i]) && !(scheme.at[i] && strchr("+-.", scheme.at[i])))
            return false;
    return true;
}

/* What RFC 3986 §3.2.2 allows besides would be read as something else where a host stands in a Content-Security-Policy,
 * and names nothing. */
static bool host_is_valid(struct arena *arena, struct slice host) {
    struct in6_addr address;
    if (host.at[0] == '[')
        return inet_pton(AF_INET6, arena_string(arena, (struct slice){host.at + 1, host.len - 2}), &address) == 1;
    for (size_t i = 0; i < host.len; i++) {
        bool is_dot = host.at[i] == '.', is_label_empty = i == 0 || host.at[i - 1] == '.';
        if (is_dot ? is_label_empty : !isalnum((unsigned char)host.at[i]) && host.at[i] != '-' && host.at[i] != '_')
            return false;
    }
    return true;
}

/* Empty, or ":" and a number of 16 bits, or none. */
static bool port_is_valid(struct slice port) {
    enum { DIGITS_MAX = 5, PORT_MAX = 65535 };
    int number = 0;
    if (port.len && (port.at[0] != ':' || port.len > 1 + DIGITS_MAX))
        return false;
    for (size_t i = 1; i < port.len; i++) {
        if (!isdigit((unsigned char)port.at[i]))
            return false;
        number = number * 10 + (port.at[i] - '0');
    }
    return number <= PORT_MAX;
}

/* [userinfo@]host[:port] (RFC 3986 §3.2). */
static bool authority_parse(struct arena *arena, struct slice text, struct slice authority, struct uri *uri) {
    size_t at = slice_find(authority, '@');
    uri->has_userinfo = at < authority.len;
    if (uri->has_userinfo)
        authority = slice_from(authority, at + 1);
    size_t host_len =
        authority.len && authority.at[0] == '[' ? slice_find(authority, ']') + 1 : slice_find(authority, ':');
    if (host_len > authority.len || host_len == 0)
        return false;
    struct slice port = slice_from(authority, host_len);
    if (!host_is_valid(arena, (struct slice){authority.at, host_len}) || !port_is_valid(port))
        return false;
    uri->host = lower(arena, (struct slice){authority.at, host_len});
    uri->before_port = (struct slice){text.at, (size_t)(port.at - text.at)};
    uri->after_port = slice_from(text, uri->before_port.len + port.len);
    return true;
}

bool uri_parse(struct arena *arena, struct slice text, struct uri *uri) {
    *uri = (struct uri){.before_port = text, .after_port = SLICE("")};
    size_t colon = slice_find(text, ':');
    if (text.len > REDIRECT_URI_LEN_MAX || colon == text.len || !characters_are_allowed(text))
        return false;
    uri->scheme = lower(arena, (struct slice){text.at, colon});
    uri->has_fragment = slice_find(text, '#') < text.len;
    if (!scheme_is_valid(uri->scheme))
        return false;
    struct slice rest = slice_from(text, colon + 1);
    if (!slice_starts(rest, "//"))
        return rest.len > 0;
    uri->has_authority = true;
    rest = slice_from(rest, 2);
    size_t end = 0;
    while (end < rest.len && !strchr("/?#", rest.at[end]))
        end++;
    return authority_parse(arena, text, (struct slice){rest.at, end}, uri);
}

static bool uri_is_loopback(const struct uri *uri) {
    return slice_is(uri->host, "127.0.0.1") || slice_is(uri->host, "[::1]") || slice_is(uri->host, "localhost");
}

static struct slice port_of(struct slice text, const struct uri *uri) {
    return (struct slice){uri->before_port.at + uri->before_port.len,
                          text.len - uri->before_port.len - uri->after_port.len};
}

/* RFC 3986 §6.2.2.1, §6.2.2.2. False when a % stands for itself. */
static bool path_add(struct buffer *out, struct slice path) {
    for (size_t i = 0; i < path.len; i++) {
        unsigned char byte;
        if (path.at[i] != '%') {
            buffer_add_byte(out, path.at[i]);
            continue;
        }
        if (path.len - i < 3 || !hex_decode((struct slice){path.at + i + 1, 2}, &byte, 1))
            return false;
        if (isalnum(byte) || (byte && strchr("-._~", byte)))
            buffer_add_byte(out, (char)byte);
        else
            buffer_printf(out, "%%%02X", byte);
        i += 2;
    }
    return true;
}

struct slice uri_target(struct arena *arena, struct slice text) {
    struct uri uri;
    if (!uri_parse(arena, text, &uri) || !uri.has_authority || uri.has_userinfo)
        return SLICE_NONE;
    struct slice port = port_of(text, &uri), path = uri.after_port;
    path.len = strcspn(arena_string(arena, path), "?#");
    bool is_default = port.len <= 1 || slice_is(port, slice_is(uri.scheme, "https") ? ":443" : ":80");
    struct buffer out = buffer_in(arena);
    buffer_printf(&out, "%.*s://%.*s%.*s", SLICE_ARG(uri.scheme), SLICE_ARG(uri.host),
                  SLICE_ARG(is_default ? SLICE("") : port));
    return path_add(&out, path.len ? path : SLICE("/")) ? buffer_slice(&out) : SLICE_NONE;
}

struct slice uri_origin(struct arena *arena, struct slice text) {
    struct uri uri;
    if (!uri_parse(arena, text, &uri))
        return SLICE_NONE;
    if (!uri.has_authority)
        return arena_printf(arena, "%.*s:", SLICE_ARG(uri.scheme));
    return arena_printf(arena, "%.*s://%.*s%.*s", SLICE_ARG(uri.scheme), SLICE_ARG(uri.host),
                        SLICE_ARG(port_of(text, &uri)));
}

static bool equal_but_for_loopback_port(struct arena *arena, struct slice registered, struct slice asked) {
    struct uri a, b;
    if (!uri_parse(arena, registered, &a) || !uri_parse(arena, asked, &b))
        return false;
    return slice_is(a.scheme, "http") && uri_is_loopback(&a) && !a.has_userinfo && !b.has_userinfo &&
           slice_equal(a.before_port, b.before_port) && slice_equal(a.after_port, b.after_port);
}

static bool is_among(struct arena *arena, struct slice registered, struct slice uri) {
    if (!uri_parse(arena, uri, &(struct uri){0}))
        return false;
    if (names_hold(registered, uri))
        return true;
    while (slice_is_set(registered))
        if (equal_but_for_loopback_port(arena, slice_cut(&registered, ' '), uri))
            return true;
    return false;
}

bool redirect_uri_is_registered(struct arena *arena, const struct app *app, struct slice redirect_uri) {
    return is_among(arena, app->redirect_uris, redirect_uri);
}

bool post_logout_redirect_uri_is_registered(struct arena *arena, const struct app *app, struct slice redirect_uri) {
    return is_among(arena, app->metadata.post_logout_redirect_uris, redirect_uri);
}

static void form_encode(struct buffer *out, struct slice text) {
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (isalnum(c) || (c && strchr("-._~", c))) {
            buffer_add_byte(out, (char)c);
        } else {
            const char escaped[] = {'%', hex[c >> 4], hex[c & 15]};
            buffer_add(out, (struct slice){escaped, sizeof(escaped)});
        }
    }
}

struct slice redirect_build(struct arena *arena, struct slice redirect_uri, const struct redirect_param *params,
                            size_t count) {
    struct buffer out = buffer_in(arena);
    buffer_add(&out, redirect_uri);
    char separator = slice_find(redirect_uri, '?') < redirect_uri.len ? '&' : '?';
    for (size_t i = 0; i < count; i++) {
        if (!slice_is_set(params[i].value))
            continue;
        buffer_add_byte(&out, separator);
        buffer_add_text(&out, params[i].name);
        buffer_add_byte(&out, '=');
        form_encode(&out, params[i].value);
        separator = '&';
    }
    return buffer_slice(&out);
}
