/* Liveness, readiness and metrics. */
#include "endpoints/endpoints.h"

#include "base/metrics.h"
#include "registry/readiness.h"
#include "server/server.h"

struct response endpoint_healthz(struct request *request) {
    (void)request;
    return response_json(SLICE("{\"status\":\"ok\"}"));
}

/* Ready while the store takes a write, the clock is right and the server is not draining; policies are loaded before a
 * worker starts. */
struct response endpoint_readyz(struct request *request) {
    int64_t skew_ms;
    enum error error = server_is_draining() ? fail(request, ERROR_OVERLOADED, "The server is shutting down.")
                                            : readiness_check(request, &skew_ms);
    if (error)
        return respond_error(request, error);
    if (skew_ms == 0)
        return response_json(SLICE("{\"status\":\"ready\"}"));
    return response_json(
        arena_printf(request->arena, "{\"status\":\"ready\",\"clock_ahead_ms\":%lld}", (long long)skew_ms));
}

struct response endpoint_metrics(struct request *request) {
    struct buffer text = buffer_in(request->arena);
    metrics_write(&text);
    policy_metrics_write(&text);
    return (struct response){
        .status = 200, .content_type = "text/plain; version=0.0.4; charset=utf-8", .body = buffer_slice(&text)};
}
