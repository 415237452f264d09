#include "endpoints/token_family.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "policy/facts.h"
#include "registry/audit.h"

enum error token_pair_mint(struct request *request, const struct user *user, const struct app *app,
                           const struct value *scopes, struct token_pair *pair) {
    struct arena *arena = request->arena;
    int64_t now_s = clock_now_s();
    struct value *facts = facts_of(request);
    facts_add_user(arena, facts, user);
    facts_add_app(arena, facts, app);
    value_set_value(facts, "scopes", value_copy(arena, scopes));
    struct lifetimes lifetimes;
    if (!policy_lifetimes(request->service->policy, arena, facts, &lifetimes))
        return ERROR_POLICY_FAILED;
    audit_decision(request, facts);
    token_mint(request->service->keyring, TOKEN_ACCESS, &pair->access);
    token_mint(request->service->keyring, TOKEN_REFRESH, &pair->refresh);
    pair->now_s = now_s;
    pair->access_expires_at_s = now_s + lifetimes.access_s;
    pair->refresh_expires_at_s = now_s + lifetimes.refresh_s;
    pair->scopes = scopes;
    return ERROR_NONE;
}

struct response token_refusal(struct request *request, const struct user *user, const struct app *app,
                              enum error error) {
    audit_event(request, AUDIT_REFUSAL, user, app, request->error_text);
    return respond_error(request, error);
}

struct response token_pair_answer(struct request *request, const struct user *user, const struct app *app,
                                  struct token_pair *pair) {
    struct buffer json = buffer_in(request->arena);
    buffer_add_text(&json, "{\"access_token\":");
    json_write_text(&json, slice_of(pair->access.text));
    buffer_add_text(&json, ",\"token_type\":\"Bearer\",\"expires_in\":");
    buffer_add_int(&json, pair->access_expires_at_s - pair->now_s);
    buffer_add_text(&json, ",\"refresh_token\":");
    json_write_text(&json, slice_of(pair->refresh.text));
    buffer_add_text(&json, ",\"scope\":");
    json_write_text(&json, names_join(request->arena, pair->scopes));
    buffer_add_byte(&json, '}');
    audit_event(request, AUDIT_TOKEN, user, app, names_join(request->arena, pair->scopes));
    secret_wipe(pair, sizeof(*pair));
    metric_add(METRIC_tokens_issued, 1);
    return response_json(buffer_slice(&json));
}

enum error token_family_revoke(struct request *request, struct slice grant_id) {
    struct db *db = request->service->db;
    int64_t now_s = clock_now_s();
    struct batch batch = batch_in(request->arena);
    struct rows *revoked = batch_add(&batch, STATEMENT_grant_revoke, db_text(grant_id), db_int(now_s));
    struct rows *tokens = batch_add(&batch, STATEMENT_grant_access_tokens, db_text(grant_id), db_int(now_s));
    if (!db_run(db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    for (size_t i = 0; i < tokens->count; i++)
        db_forget(db, STATEMENT_access_token_find, row_text(tokens, i, "token_id"));
    if (revoked->count) {
        metric_add(METRIC_families_revoked, 1);
        audit_event(request, AUDIT_REVOCATION, NULL, NULL,
                    arena_printf(request->arena, "family %.*s", SLICE_ARG(grant_id)));
    }
    return ERROR_NONE;
}

struct value *token_previous(struct request *request, const struct rows *rows) {
    struct arena *arena = request->arena;
    struct value *previous = value_map(arena);
    value_set_value(previous, "scopes", names_split(arena, row_text(rows, 0, "authorized_scopes")));
    value_set_int(arena, previous, "created_at", row_int(rows, 0, "authorized_at"));
    value_set_int(arena, previous, "updated_at", row_int(rows, 0, "authorization_updated_at"));
    return previous;
}
