/* POST /idp/token/introspect (RFC 7662): the hottest path of the server, so it writes its answer by
 * hand and reads through the cache. */
#include "endpoints/endpoints.h"
#include "endpoints/token_family.h"

#include "base/clock.h"
#include "base/json.h"
#include "checks/access_token.h"
#include "checks/fields.h"

static struct response inactive(void) {
    return response_json(SLICE("{\"active\":false}"));
}

static struct rows *token_read(struct request *request, const struct token_claim *claim) {
    if (claim->kind == TOKEN_ACCESS)
        return db_find(request->service->db, request->arena, STATEMENT_access_token_find, claim->id);
    struct batch batch = batch_in(request->arena);
    struct rows *rows = batch_add(&batch, STATEMENT_refresh_token_find, db_text(claim->id));
    return db_run(request->service->db, &batch) ? rows : NULL;
}

static void add_member(struct buffer *json, const char *name, struct slice text) {
    buffer_add_text(json, name);
    json_write_text(json, text);
}

static void add_texts(struct buffer *json, const char *name, struct slice texts) {
    buffer_add_text(json, name);
    for (char separator = '['; slice_is_set(texts); separator = ',') {
        buffer_add_byte(json, separator);
        json_write_text(json, slice_cut(&texts, ' '));
    }
    buffer_add_byte(json, ']');
}

/* What it is for, whom it is bound to and who got it by exchange (RFC 8707, RFC 9449 §6.2, RFC 8693 §4.1). */
static void add_binding(struct buffer *json, const struct rows *rows) {
    struct slice jkt = row_text(rows, 0, "dpop_jkt"), audience = row_text(rows, 0, "audience");
    struct slice actor = row_text(rows, 0, "actor");
    if (audience.len)
        add_texts(json, ",\"aud\":", audience);
    if (slice_is_set(jkt)) {
        add_member(json, ",\"cnf\":{\"jkt\":", jkt);
        buffer_add_byte(json, '}');
    }
    if (slice_is_set(actor)) {
        add_member(json, ",\"act\":{\"sub\":", actor);
        buffer_add_byte(json, '}');
    }
}

static struct response active(struct request *request, const struct rows *rows, enum token_kind kind,
                              int64_t expires_at) {
    struct buffer json = buffer_in(request->arena);
    int64_t created_at = row_int(rows, 0, "created_at"); /* in the order of the columns, which is quicker */
    struct slice client_id = row_text(rows, 0, "client_id"), scopes = row_text(rows, 0, "scopes");
    struct slice user_id = row_text(rows, 0, "user_id"), username = row_text(rows, 0, "username");
    add_member(&json, "{\"active\":true,\"token_type\":",
               kind == TOKEN_ACCESS ? SLICE("access_token") : SLICE("refresh_token"));
    buffer_add_text(&json, ",\"exp\":");
    buffer_add_int(&json, expires_at);
    buffer_add_text(&json, ",\"iat\":");
    buffer_add_int(&json, created_at);
    add_member(&json, ",\"scope\":", scopes);
    add_member(&json, ",\"client_id\":", client_id);
    if (slice_is_set(user_id)) {
        add_member(&json, ",\"username\":", username);
        add_member(&json, ",\"sub\":", user_id);
    } else { /* of a client for itself (RFC 9068 §2.2) */
        add_member(&json, ",\"sub\":", client_id);
    }
    add_member(&json, ",\"iss\":", request->service->settings->issuer);
    if (kind == TOKEN_ACCESS)
        add_binding(&json, rows);
    buffer_add_byte(&json, '}');
    return response_json(buffer_slice(&json));
}

struct response endpoint_introspect(struct request *request) {
    struct slice token = params_get(&request->form, "token");
    fields_required(request);
    enum error error = request_validation(request);
    struct client client;
    if (error || (error = client_check(request, &client)))
        return respond_error(request, error);
    struct token_claim claim;
    if (!access_token_parse(request, token, &claim) || (claim.kind != TOKEN_ACCESS && claim.kind != TOKEN_REFRESH))
        return inactive();

    struct rows *rows = token_read(request, &claim);
    if (!rows)
        return respond_error(request, ERROR_STORE_UNAVAILABLE);
    if (rows->count == 0 || !secret_matches(request->service->keyring, claim.secret, row_text(rows, 0, "secret_hash")))
        return inactive();
    int64_t expires_at = row_int(rows, 0, "expires_at");
    if (expires_at <= clock_now_s())
        return inactive();
    if (claim.kind == TOKEN_REFRESH && !row_is_null(rows, 0, "rotated_at"))
        return inactive();
    return active(request, rows, claim.kind, expires_at);
}
