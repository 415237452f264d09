#include "server/response.h"

#include "base/json.h"
#include "base/utf8.h"
#include "server/route.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum { TEXT_MAX = 512 };

static const char csp_start[] = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' https: data:; "
                                "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/* No header can be split: what is not printable never gets into one. */
static bool is_header_safe(struct slice value) {
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.at[i] < 0x20 || value.at[i] == 0x7f)
            return false;
    return true;
}

void response_header(struct response *response, const char *name, struct slice value) {
    assert(response->header_count < RESPONSE_HEADERS_MAX);
    assert(is_header_safe(value));
    response->headers[response->header_count].name = name;
    response->headers[response->header_count++].value = value;
}

struct response response_json(struct slice json) {
    return (struct response){.status = 200, .content_type = "application/json", .body = json};
}

struct response response_value(struct request *request, const struct value *value) {
    struct buffer json = buffer_in(request->arena);
    json_write(&json, value);
    return response_json(buffer_slice(&json));
}

struct response response_redirect(int status, struct slice location) {
    struct response response = {.status = status};
    response_header(&response, "location", location);
    return response;
}

struct slice page_asset_url(struct request *request, struct slice name) {
    struct asset asset;
    if (!pages_asset(request->service->pages, name, &asset))
        return SLICE_NONE;
    return arena_printf(request->arena, "/assets/%.*s?v=%.*s", SLICE_ARG(name), SLICE_ARG(asset.version));
}

struct slice response_phrase(const struct request *request, const char *english) {
    return language_phrase(request_language(request), slice_of(english));
}

struct response response_page(struct request *request, int status, const char *page, struct value *context,
                              struct slice form_target) {
    struct arena *arena = request->arena;
    const struct language *language = request_language(request);
    const struct brand *brand = pages_brand(request->service->pages);
    struct value *branding = value_map(arena);
    value_set_text(arena, branding, "name", brand->name);
    value_set_text(arena, branding, "logo", brand->logo);
    value_set_value(context, "brand", branding);
    value_set_text(arena, context, "language", language_tag(language));
    value_set_text(arena, context, "issuer", request->service->settings->issuer);
    struct slice style = value_get_text(context, "style");
    value_set_text(arena, context, "style_url",
                   page_asset_url(request, slice_is_set(style) ? style : SLICE("style.css")));
    struct slice script = value_get_text(context, "script");
    value_set_text(arena, context, "script_url",
                   page_asset_url(request, slice_is_set(script) ? script : SLICE("wallet.js")));
    struct response response = {
        .status = status,
        .content_type = "text/html; charset=utf-8",
        .body = page_render(request->service->pages, arena, page, context, language),
    };
    response_header(
        &response, "content-security-policy",
        arena_printf(arena, "%s%s%.*s", csp_start, slice_is_set(form_target) ? " " : "", SLICE_ARG(form_target)));
    response_header(&response, "content-language", language_tag(language));
    response_header(&response, "vary", SLICE("accept-language"));
    response_header(&response, "x-frame-options", SLICE("DENY"));
    response_header(&response, "referrer-policy", SLICE("no-referrer"));
    return response;
}

void page_add_field(struct arena *arena, struct value *fields, const char *name, struct slice value) {
    if (!slice_is_set(value))
        return;
    struct value *field = value_map(arena);
    value_set_text(arena, field, "name", slice_of(name));
    value_set_text(arena, field, "value", value);
    value_append(fields, field);
}

void response_cookie(struct request *request, struct response *response, const char *name, struct slice value,
                     int64_t max_age_s) {
    response_header(response, "set-cookie",
                    arena_printf(request->arena, "%s=%.*s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Lax%s", name,
                                 SLICE_ARG(value), (long long)max_age_s,
                                 request->service->settings->issuer_is_https ? "; Secure" : ""));
}

/* --- errors --- */

__attribute__((format(printf, 2, 0))) static struct slice text_of(struct request *request, const char *format,
                                                                  va_list args) {
    char text[TEXT_MAX];
    vsnprintf(text, sizeof(text), format, args);
    return arena_copy(request->arena, slice_of(text));
}

enum error fail(struct request *request, enum error error, const char *format, ...) {
    assert(error > ERROR_NONE && error < ERROR_COUNT); /* whoever leaves with what it returns has failed */
    request->error_text = SLICE_NONE;
    if (format) {
        va_list args;
        va_start(args, format);
        request->error_text = text_of(request, format, args);
        va_end(args);
    }
    return error;
}

void fail_detail(struct request *request, const char *format, ...) {
    va_list args;
    va_start(args, format);
    request->error_detail = text_of(request, format, args);
    va_end(args);
}

/* The list of contract §4: [{"loc": [place, field, index?], "msg", "type"}]. */
static struct value *invalid_list(struct request *request) {
    struct arena *arena = request->arena;
    struct value *list = value_list(arena);
    for (const struct invalid_field *field = request->invalid; field; field = field->next) {
        struct value *item = value_map(arena), *loc = value_list(arena);
        value_append_text(arena, loc, slice_of(field->place));
        if (slice_is_set(field->field))
            value_append_text(arena, loc, field->field);
        if (field->index >= 0)
            value_append(loc, value_int(arena, field->index));
        value_set_value(item, "loc", loc);
        value_set_text(arena, item, "msg", field->message);
        value_set_text(arena, item, "type", slice_of(field->type));
        value_append(list, item);
    }
    return list;
}

struct slice response_error_text(const struct request *request, enum error error) {
    if (slice_is_set(request->error_text))
        return request->error_text;
    if (request->invalid && slice_is_set(request->invalid->message))
        return request->invalid->message;
    return slice_of(error_kind(error)->text);
}

struct slice error_description(struct arena *arena, struct slice text) {
    struct buffer out = buffer_in(arena);
    for (size_t step; text.len; text = slice_from(text, step)) {
        unsigned char c = (unsigned char)text.at[0];
        step = c < 0x80 ? 1 : utf8_next(text, NULL);
        step += !step;
        buffer_add_byte(&out, c == '"' ? '\'' : c == '\\' ? '/' : c < ' ' || c > '~' ? '?' : (char)c);
    }
    return buffer_slice(&out);
}

static struct response error_json(struct request *request, enum error error, bool is_oauth, bool has_detail) {
    struct arena *arena = request->arena;
    struct value *answer = value_map(arena);
    struct slice text = response_error_text(request, error);
    if (request->invalid)
        value_set_value(answer, "detail", invalid_list(request));
    else if (has_detail)
        value_set_text(arena, answer, "detail", text);
    if (is_oauth) {
        value_set_text(arena, answer, "error", slice_of(error_kind(error)->oauth_code));
        value_set_text(arena, answer, "error_description", error_description(arena, text));
    }
    struct response response = response_value(request, answer);
    response.status = error_kind(error)->status;
    return response;
}

static struct response error_page(struct request *request, enum error error) {
    struct arena *arena = request->arena;
    struct value *context = value_map(arena);
    int status = error_kind(error)->status;
    value_set_text(arena, context, "title", status < 500 ? SLICE("This did not work") : SLICE("Something went wrong"));
    value_set_text(arena, context, "message", response_error_text(request, error));
    value_set_int(arena, context, "status", status);
    value_set_text(arena, context, "request_id", slice_of(request->id));
    return response_page(request, status, "error", context, SLICE_NONE);
}

/* Where application/json stands in Accept and text/html does not. */
static bool wants_json(const struct request *request) {
    struct slice rest = request->accept;
    bool json = false, html = false;
    while (slice_is_set(rest)) {
        struct slice part = slice_cut(&rest, ',');
        struct slice type = slice_trim((struct slice){part.at, slice_find(part, ';')});
        json = json || slice_is_nocase(type, "application/json");
        html = html || slice_is_nocase(type, "text/html");
    }
    return json && !html;
}

static bool is_of_dpop(const struct request *request) {
    return slice_is_set(request->dpop) ||
           (request->authorization.len > 4 && strncasecmp(request->authorization.at, "DPoP", 4) == 0);
}

/* RFC 6750 §3: a challenge; with the error only where a token was presented. */
static void add_challenge(struct request *request, struct response *response, enum error error) {
    switch (error) {
    case ERROR_INVALID_CLIENT:
        if (slice_is_set(request->authorization))
            response_header(response, "www-authenticate", SLICE("Basic realm=\"moonlatch\""));
        return;
    case ERROR_INVALID_DPOP_PROOF:
    case ERROR_USE_DPOP_NONCE: /* RFC 9449 §8 where a token is asked for, §9 where one is used */
        assert(request->route);
        if (request->route->caller == CALLER_CLIENT)
            return;
        response->status = 401;
        response_header(
            response, "www-authenticate",
            arena_printf(request->arena, "DPoP error=\"%s\", algs=\"" DPOP_ALGS "\"", error_kind(error)->oauth_code));
        return;
    case ERROR_UNAUTHENTICATED:
        response_header(response, "www-authenticate", SLICE("Bearer"));
        return;
    case ERROR_INVALID_TOKEN:
        response_header(response, "www-authenticate",
                        is_of_dpop(request) ? SLICE("DPoP error=\"invalid_token\", algs=\"" DPOP_ALGS "\"")
                                            : SLICE("Bearer error=\"invalid_token\""));
        return;
    case ERROR_INSUFFICIENT_SCOPE:
        response_header(response, "www-authenticate", SLICE("Bearer error=\"insufficient_scope\""));
        return;
    case ERROR_STORE_UNAVAILABLE:
    case ERROR_OVERLOADED:
    case ERROR_TOO_MANY_REQUESTS:
        response_header(
            response, "retry-after",
            arena_printf(request->arena, "%lld", (long long)(request->retry_after_s ? request->retry_after_s : 1)));
        return;
    default:
        return;
    }
}

/* Contract §4: these have a JSON `detail`, whatever the endpoint's shape is. */
static bool is_of_the_wire(enum error error) {
    return error == ERROR_METHOD_NOT_ALLOWED || error == ERROR_BODY_TOO_LARGE || error == ERROR_URI_TOO_LONG ||
           error == ERROR_UNSUPPORTED_MEDIA_TYPE || error == ERROR_HEADERS_TOO_LARGE;
}

struct response respond_error(struct request *request, enum error error) {
    assert(error > ERROR_NONE && error < ERROR_COUNT);
    enum error_style style = request->route ? request->route->style : STYLE_JSON;
    bool is_oauth = style == STYLE_OAUTH;
    request->error = error;
    struct response response = style == STYLE_PAGE && !wants_json(request) && !is_of_the_wire(error)
                                   ? error_page(request, error)
                                   : error_json(request, error, is_oauth, !is_oauth || is_of_the_wire(error));
    add_challenge(request, &response, error);
    return response;
}
