#include "endpoints/token_family.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "endpoints/token_jwt.h"
#include "policy/facts.h"
#include "registry/audit.h"

#include <assert.h>

static struct value *facts_make(struct request *request, const struct token_making *making) {
    struct arena *arena = request->arena;
    struct value *facts = facts_of(request);
    if (making->user)
        facts_add_user(arena, facts, making->user);
    facts_add_app(arena, facts, making->app);
    value_set_value(facts, "scopes", value_copy(arena, making->scopes));
    if (making->audience.len)
        value_set_value(facts, "resources", names_split(arena, making->audience));
    return facts;
}

enum error token_set_mint(struct request *request, const struct token_making *making, struct token_set *set) {
    assert(!slice_is_set(making->dpop_jkt) || request->is_proof_spent);
    struct value *facts = facts_make(request, making);
    struct lifetimes lifetimes;
    enum token_format format;
    if (!policy_lifetimes(request->service->policy, request->arena, facts, &lifetimes))
        return ERROR_POLICY_FAILED;
    audit_decision(request, facts);
    if (!policy_token_format(request->service->policy, request->arena, facts, &format))
        return ERROR_POLICY_FAILED;
    set->user = making->user;
    set->app = making->app;
    set->now_s = clock_now_s();
    set->access_expires_at_s = set->now_s + lifetimes.access_s;
    if (making->expires_at_max_s && set->access_expires_at_s > making->expires_at_max_s)
        set->access_expires_at_s = making->expires_at_max_s;
    set->refresh_expires_at_s = set->now_s + lifetimes.refresh_s;
    set->scopes = making->scopes;
    set->audience = making->audience;
    set->dpop_jkt = making->dpop_jkt;
    set->id_token = SLICE_NONE;
    set->issued_type = NULL;
    set->has_refresh = making->has_refresh && names_hold(making->app->metadata.grant_types, SLICE("refresh_token"));
    token_mint(request->service->keyring, TOKEN_ACCESS, &set->access);
    if (set->has_refresh)
        token_mint(request->service->keyring, TOKEN_REFRESH, &set->refresh);
    set->access_text = slice_of(set->access.text);
    enum error error = format == TOKEN_FORMAT_JWT ? access_jwt_make(request, making, set) : ERROR_NONE;
    return error || !making->has_id_token ? error : id_token_make(request, making, lifetimes.id_s, set);
}

void token_set_audit(struct request *request, struct batch *batch, const struct token_set *set) {
    audit_add(batch, request,
              &(struct audit_change){.kind = AUDIT_TOKEN,
                                     .proof = AUDIT_ISSUED,
                                     .id = slice_of(set->access.id),
                                     .user = set->user,
                                     .app_id = set->app->app_id,
                                     .detail = names_join(request->arena, set->scopes)});
}

void token_set_store(struct request *request, struct batch *batch, const struct token_set *set, struct slice grant_id) {
    struct db_value access = db_text(slice_of(set->access.id)), grant = db_text(grant_id);
    struct db_value scopes = db_text(names_join(request->arena, set->scopes)), now = db_int(set->now_s);
    batch_add(batch, STATEMENT_access_token_insert_redeemed, access, grant, db_blob(set->access.hash, SECRET_HASH_SIZE),
              scopes, now, db_int(set->access_expires_at_s), db_text(set->dpop_jkt), db_text(set->audience));
    if (set->has_refresh)
        batch_add(batch, STATEMENT_refresh_token_insert_redeemed, db_text(slice_of(set->refresh.id)), grant,
                  db_blob(set->refresh.hash, SECRET_HASH_SIZE), scopes, now, db_int(set->refresh_expires_at_s), access);
    token_set_audit(request, batch, set);
}

struct response token_refusal(struct request *request, const struct user *user, const struct app *app,
                              enum error error) {
    if (user) /* else the answer is all that there is to tell of */
        audit_refusal(request, user, app, request->error_text);
    return respond_error(request, error);
}

struct response token_set_answer(struct request *request, struct token_set *set) {
    struct buffer json = buffer_in(request->arena);
    buffer_add_text(&json, "{\"access_token\":");
    json_write_text(&json, set->access_text);
    buffer_add_text(&json, slice_is_set(set->dpop_jkt) ? ",\"token_type\":\"DPoP\"" : ",\"token_type\":\"Bearer\"");
    buffer_add_text(&json, ",\"expires_in\":");
    buffer_add_int(&json, set->access_expires_at_s - set->now_s);
    if (set->has_refresh) {
        buffer_add_text(&json, ",\"refresh_token\":");
        json_write_text(&json, slice_of(set->refresh.text));
    }
    buffer_add_text(&json, ",\"scope\":");
    json_write_text(&json, names_join(request->arena, set->scopes));
    if (set->issued_type) {
        buffer_add_text(&json, ",\"issued_token_type\":");
        json_write_text(&json, slice_of(set->issued_type));
    }
    if (slice_is_set(set->id_token)) {
        buffer_add_text(&json, ",\"id_token\":");
        json_write_text(&json, set->id_token);
    }
    buffer_add_byte(&json, '}');
    secret_wipe(set, sizeof(*set));
    metric_add(METRIC_tokens_issued, 1);
    return response_json(buffer_slice(&json));
}

/* `batch` holds the statement that revokes the family, if it shall be, by the record audit_id: *is_over says whether it
 * is now. */
static enum error family_end(struct request *request, struct batch *batch, const struct rows *revoked,
                             struct slice grant_id, struct slice audit_id, bool *is_over) {
    struct db *db = request->service->db;
    audit_add(batch, request,
              &(struct audit_change){.kind = AUDIT_REVOCATION,
                                     .proof = AUDIT_PROOF_FAMILY,
                                     .id = grant_id,
                                     .detail = arena_printf(request->arena, "family %.*s", SLICE_ARG(grant_id)),
                                     .audit_id = audit_id});
    struct rows *state = batch_add(batch, STATEMENT_grant_state, db_text(grant_id));
    struct rows *tokens = batch_add(batch, STATEMENT_grant_access_tokens, db_text(grant_id), db_int(clock_now_s()));
    if (!audit_run(request, batch))
        return ERROR_STORE_UNAVAILABLE;
    for (size_t i = 0; i < tokens->count; i++)
        db_forget(db, STATEMENT_access_token_find, row_text(tokens, i, "token_id"));
    *is_over = state->count == 0 || !row_is_null(state, 0, "revoked_at");
    if (batch_did(batch, revoked))
        metric_add(METRIC_families_revoked, 1);
    return ERROR_NONE;
}

enum error token_family_revoke(struct request *request, struct slice grant_id) {
    bool is_over;
    struct slice audit_id = audit_id_mint(request);
    struct batch batch = batch_in(request->arena);
    struct rows *revoked =
        batch_add(&batch, STATEMENT_grant_revoke, db_text(grant_id), db_int(clock_now_s()), db_text(audit_id));
    return family_end(request, &batch, revoked, grant_id, audit_id, &is_over);
}

/* Where the store was away, another server may not yet have stored what it told nobody: nobody is thrown out for that.
 */
static enum error come_again(struct request *request) {
    return fail(request, ERROR_STORE_UNAVAILABLE, NULL);
}

enum error token_replayed(struct request *request, struct slice grant_id, struct slice refresh_id) {
    bool is_refresh = slice_is_set(refresh_id), is_over;
    if (db_was_away(request->service->db))
        return come_again(request);
    struct slice audit_id = audit_id_mint(request);
    struct db_value grant = db_text(grant_id), now = db_int(clock_now_s()), by = db_text(audit_id);
    struct batch batch = batch_in(request->arena);
    struct rows *revoked = is_refresh
                               ? batch_add(&batch, STATEMENT_grant_revoke_reused, grant, now, by, db_text(refresh_id))
                               : batch_add(&batch, STATEMENT_grant_revoke_replayed, grant, now, by);
    enum error error = family_end(request, &batch, revoked, grant_id, audit_id, &is_over);
    if (error)
        return error;
    if (!is_over)
        return come_again(request);
    return fail(request, ERROR_INVALID_GRANT,
                is_refresh ? "The refresh token has been used already." : "The code has been used already.");
}

enum error token_possession_check(struct request *request, const struct token_caller *caller, struct slice dpop_jkt,
                                  const char *token, enum error of_another) {
    if (!slice_is_set(dpop_jkt) || slice_equal(dpop_jkt, caller->proof.jkt))
        return ERROR_NONE;
    return slice_is_set(caller->proof.jkt)
               ? fail(request, of_another, "%s is bound to another DPoP key.", token)
               : fail(request, ERROR_INVALID_DPOP_PROOF, "%s is bound to a key: send a DPoP proof.", token);
}

struct value *token_previous(struct request *request, const struct rows *rows) {
    struct arena *arena = request->arena;
    struct value *previous = value_map(arena);
    value_set_value(previous, "scopes", names_split(arena, row_text(rows, 0, "authorized_scopes")));
    value_set_int(arena, previous, "created_at", row_int(rows, 0, "authorized_at"));
    value_set_int(arena, previous, "updated_at", row_int(rows, 0, "authorization_updated_at"));
    return previous;
}
