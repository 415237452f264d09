/* A request as an endpoint sees it: a value, copied into an arena of its own before the endpoint
 * starts. Nothing in it belongs to h2o.
 *
 * Bounds: 16 KiB of target, 32 KiB of 200 headers (exchange.c, which counts before it copies), `limits.body_bytes` of
 * body, PARAMS_MAX parameters. What is decoded is no longer than it was; a cookie is looked up where it stands; a
 * failing field's message has 255 bytes, and lists that are too long fail as one. */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include "base/value.h"
#include "server/error.h"
#include "server/service.h"

struct route;

/* Decoded query or form (application/x-www-form-urlencoded). */
struct param {
    struct slice name, value;
};
struct params {
    struct param *list;
    size_t count;
};

/* One failing field of a 422 answer. */
struct invalid_field {
    const char *place; /* "body", "query", "path", "header" */
    struct slice field;
    int index;        /* in a list; -1: none */
    const char *type; /* one of the kinds of contract §4 */
    struct slice message;
    struct invalid_field *next;
};

enum { PATH_PARAMS_MAX = 2, REQUEST_ID_LEN = 16, REQUEST_WORKS_MAX = 4 };

struct request {
    struct arena *arena;
    const struct service *service;
    const struct route *route;
    char id[REQUEST_ID_LEN + 1]; /* in the log and in X-Request-Id */
    bool peer_gone;              /* nobody will read the answer: may end early */
    bool is_tls;
    struct slice method;
    struct slice path;       /* raw, without the query */
    struct slice query_text; /* raw; never logged */
    struct slice address;    /* of the peer, numeric */
    /* the headers that endpoints ask for; absent when not sent */
    struct slice host, authorization, cookie, accept, accept_language, origin, user_agent, content_type, sec_fetch_site;
    struct slice hotkey, signature, nonce;     /* X-Chutes-* */
    struct slice csrf_token;                   /* X-CSRF-Token */
    struct slice dpop;                         /* DPoP */
    struct slice path_params[PATH_PARAMS_MAX]; /* of {…} in the route's path, percent-decoded */
    struct slice body;                         /* raw */
    struct params query;                       /* decoded */
    struct params form;                        /* decoded, for a route with BODY_FORM */
    struct value *json;                        /* parsed, for a route with BODY_JSON */

    struct slice ui_locales; /* of an authorization request: languages that go before Accept-Language's */
    int64_t retry_after_s;   /* of a refusal that may be tried again: when; 0: soon */
    struct slice dpop_nonce; /* for the answer's header of that name; absent: none */
    bool is_proof_spent;     /* the DPoP proof was, or the request was refused (checks/dpop.h) */

    struct value *decisions;             /* of the policies, for the audit log; NULL: none yet */
    struct audit_pending *audit_pending; /* records of a batch that has not run yet (registry/audit.h) */
    struct {                             /* what was said, for the record of a refusal; absent: nothing, or not yet */
        struct slice client_id, redirect_uri, app_id; /* app_id: of the app that there is */
        struct slice user_id, username;               /* proven, by a session or as the caller */
    } about;
    bool is_anonymous;    /* nobody has proven who asks; records name the user for whom this is done */
    bool is_refusal_told; /* to the audit log, or counted */

    struct slice works[REQUEST_WORKS_MAX]; /* ids by which rows say what this request did (request_works) */
    size_t work_count;

    /* how it failed, for the renderer and the log (error.h) */
    enum error error;
    struct slice error_text;   /* public, instead of the table's; absent: the table's */
    struct slice error_detail; /* private, for the log */
    struct invalid_field *invalid, *invalid_last;
};

/* The value of a parameter: absent when it is not there or empty (RFC 6749 §3.1: "parameters sent
 * without a value MUST be treated as if they were omitted"). Duplicates are refused before an endpoint
 * starts (RFC 6749 §3.1), so there is only one. */
struct slice params_get(const struct params *params, const char *name);

/* One form-urlencoded part decoded ("+" is a space); absent for broken percent-encoding, NUL or invalid
 * UTF-8. */
struct slice form_decode(struct arena *arena, struct slice text);
/* The same for a segment of a path, where "+" is itself. */
struct slice path_decode(struct arena *arena, struct slice text);

/* `resource` (RFC 8707 §2) and `audience` (RFC 8693 §2.1) may come several times in any request. */
bool param_may_repeat(struct slice name);

enum { PARAMS_MAX = 64 };
/* Decodes. Refused: broken percent-encoding, NUL, invalid UTF-8, a name twice (unless `repeats`), more than
 * PARAMS_MAX. On refusal *why says so in a few words. */
bool params_parse(struct arena *arena, struct slice text, bool repeats, struct params *params, struct slice *why);

/* The named cookie of a Cookie header (RFC 6265 §5.4); absent when it is not there or there twice. */
struct slice cookie_get(struct slice header, const char *name);

/* Before a batch in which rows are to say that `id` did something (spent_by, redeemed_by, rotated_by, decided_by,
 * used_by): when this request is answered with ERROR_STORE_UNAVAILABLE, or nobody hears its answer, nothing that it did
 * is held against whoever tries again (db_untold). The id is copied. */
void request_works(struct request *request, struct slice id);
/* The same by the request's own id, which it gives. */
struct slice request_works_by_id(struct request *request);

/* The language of pages for this request: what Accept-Language wants most of those that there are. */
const struct language *request_language(const struct request *request);

/* Notes a failing field; the endpoint goes on checking, and answers request_validation() at the
 * end. */
void request_invalid(struct request *request, const char *place, const char *field, int index, const char *type,
                     const char *format, ...) __attribute__((format(printf, 6, 7)));
/* ERROR_VALIDATION when a field failed, else ERROR_NONE. */
enum error request_validation(struct request *request);

#endif
