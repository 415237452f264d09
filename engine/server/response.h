/* An answer as a value. Texts live in the request's arena or for ever. */
#ifndef SERVER_RESPONSE_H
#define SERVER_RESPONSE_H

#include "base/buffer.h"
#include "server/request.h"

enum { RESPONSE_HEADERS_MAX = 12 };

/* Of DPoP proofs (RFC 9449 §5.1). */
#define DPOP_ALGS "ES256 EdDSA Ed25519 RS256 PS256"

struct response {
    int status;
    const char *content_type; /* NULL: no body */
    struct slice body;
    size_t header_count;
    struct {
        const char *name; /* lower case */
        struct slice value;
    } headers[RESPONSE_HEADERS_MAX];
};

void response_header(struct response *response, const char *name, struct slice value);

struct response response_json(struct slice json);
struct response response_value(struct request *request, const struct value *value);
/* 302, or 303 after a POST. The location must be a URL without control characters (asserted). */
struct response response_redirect(int status, struct slice location);
/* These words in the language of the page for this request. */
struct slice response_phrase(const struct request *request, const char *english);

/* An HTML page (page_render; the context's `script` and `style` name its assets, wallet.js and style.css when they do
 * not) with the headers of contract §4: CSP, X-Frame-Options and the rest. `form_target` is the origin (or scheme) that
 * a form of this page may be redirected to; absent: only 'self'. */
struct response response_page(struct request *request, int status, const char *page, struct value *context,
                              struct slice form_target);
/* Of a file of assets/, with its version; absent when there is none. */
struct slice page_asset_url(struct request *request, struct slice name);
/* Adds a hidden field to those of a page's form (templates/request.html); an absent value adds none. */
void page_add_field(struct arena *arena, struct value *fields, const char *name, struct slice value);
/* Sets a cookie: HttpOnly, SameSite=Lax, Path=/, Secure when the issuer is https. */
void response_cookie(struct request *request, struct response *response, const char *name, struct slice value,
                     int64_t max_age_s);

/* --- errors --- */

/* Notes what went wrong and returns `error`, which is not ERROR_NONE (asserted), so that a check reads: return
 * fail(request, ERROR_X, "…"). The text is public; NULL takes the table's. */
enum error fail(struct request *request, enum error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A private detail for the log, beside whatever the answer says. */
void fail_detail(struct request *request, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What RFC 6749 §4.1.2.1 lets an error_description hold: ' for ", / for \, ? for what is no printable ASCII. */
struct slice error_description(struct arena *arena, struct slice text);
/* What the answer says of it. */
struct slice response_error_text(const struct request *request, enum error error);

/* The one renderer: management JSON, OAuth error, or page, as the route's style says. */
struct response respond_error(struct request *request, enum error error);

#endif
