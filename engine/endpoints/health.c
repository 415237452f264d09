/* Liveness, readiness and metrics. */
#include "endpoints/endpoints.h"

#include "base/metrics.h"
#include "server/server.h"

struct response endpoint_healthz(struct request *request) {
    (void)request;
    return response_json(SLICE("{\"status\":\"ok\"}"));
}

/* Ready while the store answers and the server is not draining; policies are loaded before a worker
 * starts. */
struct response endpoint_readyz(struct request *request) {
    struct batch batch = batch_in(request->arena);
    batch_add_values(&batch, STATEMENT_health, NULL, 0);
    if (server_is_draining())
        return respond_error(request, fail(request, ERROR_OVERLOADED, "The server is shutting down."));
    if (!db_run(request->service->db, &batch))
        return respond_error(request, ERROR_STORE_UNAVAILABLE);
    return response_json(SLICE("{\"status\":\"ready\"}"));
}

struct response endpoint_metrics(struct request *request) {
    struct buffer text = buffer_in(request->arena);
    metrics_write(&text);
    policy_metrics_write(&text);
    return (struct response){
        .status = 200, .content_type = "text/plain; version=0.0.4; charset=utf-8", .body = buffer_slice(&text)};
}
