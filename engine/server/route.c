#include "server/route.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/latency.h"
#include "base/log.h"
#include "base/metrics.h"
#include "registry/audit.h"

#include <assert.h>

/* On the raw path, so that an encoded slash is no slash; one at its end is left out. A {…} takes one segment. */
static bool path_matches(struct request *request, const char *pattern) {
    const char *at = request->path.at, *end = at + request->path.len;
    if (request->path.len > 1 && end[-1] == '/' && end[-2] != '/')
        end--;
    for (size_t params = 0;; pattern++) {
        while (at < end && *at == *pattern && *pattern)
            at++, pattern++;
        if (*pattern != '{')
            return at == end && !*pattern;
        assert(params < PATH_PARAMS_MAX);
        struct slice segment = {at, slice_find((struct slice){at, (size_t)(end - at)}, '/')};
        request->path_params[params] = path_decode(request->arena, segment);
        if (request->path_params[params++].len == 0)
            return false;
        at += segment.len;
        pattern = strchr(pattern, '}');
    }
}

const struct route *route_find(struct request *request, struct slice *allow, const struct route **near) {
    struct slice method = slice_is(request->method, "HEAD") ? SLICE("GET") : request->method;
    *near = NULL;
    *allow = SLICE_NONE;
    for (const struct route *route = routes; route->method; route++)
        if (method.at[0] == route->method[0] && slice_is(method, route->method) && path_matches(request, route->path))
            return route;
    struct buffer methods = buffer_in(request->arena);
    for (const struct route *route = routes; route->method; route++) {
        if (!path_matches(request, route->path))
            continue;
        buffer_add_text(&methods, methods.len ? ", " : "");
        buffer_add_text(&methods, strcmp(route->method, "GET") == 0 ? "GET, HEAD" : route->method);
        *near = route;
        *allow = buffer_slice(&methods);
    }
    return NULL;
}

static bool is_media_type(struct slice content_type, const char *wanted) {
    return slice_is_nocase(slice_trim((struct slice){content_type.at, slice_find(content_type, ';')}), wanted);
}

static enum error body_parse(struct request *request, const struct route *route) {
    struct slice why;
    switch (route->body) {
    case BODY_NONE:
        return ERROR_NONE;
    case BODY_FORM:
        if (request->body.len == 0 && !slice_is_set(request->content_type))
            return ERROR_NONE;
        if (!is_media_type(request->content_type, "application/x-www-form-urlencoded"))
            return fail(request, ERROR_UNSUPPORTED_MEDIA_TYPE, "Send application/x-www-form-urlencoded.");
        if (!params_parse(request->arena, request->body, route->flags & ROUTE_REPEATED_FIELDS, &request->form, &why))
            return fail(request, ERROR_INVALID_REQUEST, "%.*s", SLICE_ARG(why));
        return ERROR_NONE;
    case BODY_JSON:
        if (!is_media_type(request->content_type, "application/json"))
            return fail(request, ERROR_UNSUPPORTED_MEDIA_TYPE, "Send application/json.");
        request->json = json_parse(request->arena, request->body, &why);
        if (request->json)
            return ERROR_NONE;
        request_invalid(request, "body", NULL, -1, "json_invalid", "%.*s", SLICE_ARG(why));
        return ERROR_VALIDATION;
    }
    return ERROR_NONE;
}

static enum error input_parse(struct request *request, const struct route *route) {
    struct slice why;
    if (!params_parse(request->arena, request->query_text, false, &request->query, &why))
        return fail(request, ERROR_INVALID_REQUEST, "%.*s", SLICE_ARG(why));
    return body_parse(request, route);
}

/* No route has this method: CORS preflight, 405 or 404. */
static struct response unrouted(struct request *request, const struct route *near, struct slice allow) {
    if (!near)
        return respond_error(request, ERROR_NOT_FOUND);
    struct response response;
    if (slice_is(request->method, "OPTIONS") && (near->flags & ROUTE_CORS)) {
        response = (struct response){.status = 204};
        response_header(&response, "access-control-allow-methods", allow);
        response_header(&response, "access-control-allow-headers", SLICE("authorization, content-type, dpop"));
        response_header(&response, "access-control-max-age", SLICE("86400"));
    } else {
        response = respond_error(request, ERROR_METHOD_NOT_ALLOWED);
        response_header(&response, "allow", allow);
    }
    return response;
}

static void count(const struct response *response) {
    static const enum metric classes[] = {METRIC_answers_2xx, METRIC_answers_2xx, METRIC_answers_2xx,
                                          METRIC_answers_3xx, METRIC_answers_4xx, METRIC_answers_5xx};
    metric_add(METRIC_requests, 1);
    metric_add(classes[response->status / 100], 1);
}

/* One line a request; without its query, which may hold secrets. Of what the peer sent, the beginning of its path is in
 * it, and of error texts a value of a few kilobytes at most. */
enum { LOGGED_PATH_MAX = 512 };
static void write_log(const struct request *request, const struct response *response, enum log_level level,
                      int64_t took_ns) {
    struct slice why = SLICE_NONE;
    if (request->error)
        why = slice_is_set(request->error_text) ? request->error_text : slice_of(error_kind(request->error)->text);
    const struct log_field fields[] = {
        log_string("request_id", request->id),
        log_text("method", request->method),
        log_text("path", slice_first(request->path, LOGGED_PATH_MAX)),
        log_int("status", response->status),
        log_int("ms", took_ns / 1000000),
        log_text("address", request->address),
        log_text("error", why),
        log_text("detail", request->error_detail),
    };
    size_t shown = sizeof(fields) / sizeof(*fields);
    log_event(level, "request", fields,
              slice_is_set(request->error_detail) ? shown
              : request->error                    ? shown - 1
                                                  : shown - 2);
}

/* To read the clock takes longer than some answers do: of those that are quiet one in so many is timed, for all. */
static void record(const struct request *request, const struct response *response, int64_t started_ns) {
    enum { QUIET_TIMED = 8 };
    static _Thread_local unsigned turn;
    bool is_quiet = request->route && (request->route->flags & ROUTE_QUIET) && response->status < 400;
    enum log_level level = response->status >= 500 ? LOG_ERROR : is_quiet ? LOG_DEBUG : LOG_INFO;
    bool is_logged = log_is_on(level), is_timed = !is_quiet || ++turn % QUIET_TIMED == 0;
    if (!is_logged && !is_timed)
        return;
    int64_t took_ns = clock_monotonic_ns() - started_ns;
    if (is_timed)
        latency_add(took_ns, is_quiet ? QUIET_TIMED : 1);
    if (is_logged)
        write_log(request, response, level, took_ns);
}

/* What every answer of a route carries, whether it is good or not. */
static struct response finish(struct request *request, const struct route *route, struct response response,
                              int64_t started_ns) {
    if (request->error && request->route)
        audit_refused(request);
    if (route && (route->flags & ROUTE_CORS))
        response_header(&response, "access-control-allow-origin", SLICE("*"));
    if (slice_is_set(request->dpop_nonce)) {
        response_header(&response, "dpop-nonce", request->dpop_nonce);
        response_header(&response, "access-control-expose-headers", SLICE("dpop-nonce, www-authenticate"));
    }
    if (route && (route->flags & ROUTE_NO_STORE))
        response_header(&response, "cache-control", SLICE("no-store"));
    count(&response);
    record(request, &response, started_ns);
    return response;
}

struct response route_run(struct request *request) {
    struct slice allow;
    const struct route *near;
    int64_t started_ns = clock_monotonic_ns();
    const struct route *route = route_find(request, &allow, &near);
    if (!route)
        return finish(request, near, unrouted(request, near, allow), started_ns);
    request->route = route;
    enum error error = input_parse(request, route);
    return finish(request, route, error ? respond_error(request, error) : route->run(request), started_ns);
}

struct response route_refuse(struct request *request, enum error error) {
    struct slice allow;
    const struct route *near;
    int64_t started_ns = clock_monotonic_ns();
    const struct route *route = route_find(request, &allow, &near);
    request->route = route ? route : near;
    return finish(request, request->route, respond_error(request, error), started_ns);
}
