/* POST /idp/token/revoke (RFC 7009). */
#include "endpoints/endpoints.h"
#include "endpoints/token_family.h"

#include "base/clock.h"
#include "checks/access_token.h"
#include "checks/fields.h"
#include "registry/audit.h"

const struct field token_question_fields[] = {
    {"token", FIELD_TEXT, FIELD_REQUIRED, 0, 0, "An access or refresh token."},
    {"token_type_hint", FIELD_TEXT, 0, 0, 0, "Not needed: a token says what it is."},
    CLIENT_FIELDS,
    {0},
};

static enum error revoke_access(struct request *request, const struct token_claim *claim) {
    struct batch batch = batch_in(request->arena);
    audit_add(&batch, request,
              &(struct audit_change){
                  .kind = AUDIT_REVOCATION,
                  .proof = AUDIT_PROOF_TOKEN,
                  .id = claim->id,
                  .detail = arena_printf(request->arena, "access token %.*s", SLICE_ARG(claim->id)),
              });
    batch_add(&batch, STATEMENT_access_token_revoke, db_text(claim->id), db_int(clock_now_s()));
    if (!audit_run(request, &batch))
        return ERROR_STORE_UNAVAILABLE;
    db_forget(request->service->db, STATEMENT_access_token_find, claim->id);
    return ERROR_NONE;
}

/* Possession is the proof: the secret is compared before anything is touched. A client that names
 * itself may revoke only its own tokens (RFC 7009 §2.1). */
static enum error revoke(struct request *request, const struct client *client, const struct token_claim *claim) {
    bool is_refresh = claim->kind == TOKEN_REFRESH;
    struct batch batch = batch_in(request->arena);
    struct rows *found = is_refresh ? batch_add(&batch, STATEMENT_refresh_token_find, db_text(claim->id))
                                    : batch_add(&batch, STATEMENT_access_token_find, db_text(claim->id));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (found->count == 0 && !is_refresh) /* it may have been revoked by a request that got no answer */
        db_forget(request->service->db, STATEMENT_access_token_find, claim->id);
    if (found->count == 0 ||
        !secret_matches(request->service->keyring, claim->secret, row_text(found, 0, "secret_hash")))
        return ERROR_NONE; /* RFC 7009 §2.2: an unknown token is no error */
    if (client->is_named && !slice_equal(row_text(found, 0, "app_id"), client->app.app_id))
        return fail(request, ERROR_UNAUTHORIZED_CLIENT, "The token was issued to another client.");
    return is_refresh ? token_family_revoke(request, row_text(found, 0, "grant_id")) : revoke_access(request, claim);
}

struct response endpoint_revoke(struct request *request) {
    struct slice token = params_get(&request->form, "token");
    fields_required(request);
    enum error error = request_validation(request);
    struct client client;
    if (error || (error = client_check(request, &client)))
        return respond_error(request, error);
    struct token_claim claim;
    if (access_token_parse(request, token, &claim) && (claim.kind == TOKEN_ACCESS || claim.kind == TOKEN_REFRESH) &&
        (error = revoke(request, &client, &claim)))
        return respond_error(request, error);
    return response_json(SLICE("{\"revoked\":true}"));
}
