/* /idp/authorizations: what the caller has allowed which app, and taking it back. */
#include "endpoints/endpoints.h"

#include "base/clock.h"
#include "checks/caller.h"
#include "checks/paging.h"
#include "registry/audit.h"

const struct field authorization_list_fields[] = {PAGING_FIELDS, {0}};

static struct value *authorization_json(struct arena *arena, const struct rows *rows, size_t row) {
    static const char *const texts[] = {"authorization_id", "app_id", "app_name", "app_description", "app_logo_url"};
    struct value *json = value_map(arena);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        value_set_text(arena, json, texts[i], row_text(rows, row, texts[i]));
    value_set_value(json, "scopes", names_split(arena, row_text(rows, row, "scopes")));
    value_set_text(arena, json, "created_at", clock_rfc3339(arena, row_int(rows, row, "created_at")));
    value_set_bool(arena, json, "revoked", false);
    return json;
}

struct response endpoint_authorization_list(struct request *request) {
    struct caller caller;
    enum error error = caller_check(request, &caller);
    if (error)
        return respond_error(request, error);
    struct value *query = fields_query(request, authorization_list_fields);
    if ((error = request_validation(request)))
        return respond_error(request, error);
    struct paging paging = paging_of(query);
    struct db_value user = db_text(caller.user.user_id);
    struct batch batch = batch_in(request->arena);
    struct rows *rows =
        batch_add(&batch, STATEMENT_authorization_list, user, db_int(paging.limit), db_int(paging.page * paging.limit));
    struct rows *count = batch_add(&batch, STATEMENT_authorization_count, user);
    if (!db_run(request->service->db, &batch))
        return respond_error(request, ERROR_STORE_UNAVAILABLE);
    paging.total = row_int(count, 0, "total");
    struct value *items = value_list(request->arena);
    for (size_t i = 0; i < rows->count; i++)
        value_append(items, authorization_json(request->arena, rows, i));
    return paging_answer(request, &paging, items);
}

/* Raises the authorization's version: every grant made under the old one is dead by its joins, and its tokens are gone
 * from every cache when this answers. */
struct response endpoint_authorization_revoke(struct request *request) {
    struct caller caller;
    enum error error = caller_check(request, &caller);
    if (error)
        return respond_error(request, error);
    struct slice app_id = request->path_params[0];
    struct db_value user = db_text(caller.user.user_id), app = db_text(app_id), now = db_int(clock_now_s());
    struct db *db = request->service->db;
    struct batch batch = batch_in(request->arena);
    batch_add(&batch, STATEMENT_app_discount_user, app, user);
    struct rows *revoked = batch_add(&batch, STATEMENT_authorization_revoke, user, app, now);
    struct rows *tokens = batch_add(&batch, STATEMENT_authorization_access_tokens, user, app, now);
    if (!db_run(db, &batch))
        return respond_error(request, ERROR_STORE_UNAVAILABLE);
    for (size_t i = 0; i < tokens->count; i++)
        db_forget(db, STATEMENT_access_token_find, row_text(tokens, i, "token_id"));
    if (revoked->count == 0)
        return respond_error(request, fail(request, ERROR_NOT_FOUND, "You have not allowed this app anything."));
    audit_event(request, AUDIT_REVOCATION, &caller.user, &(struct app){.app_id = app_id}, SLICE("authorization"));
    struct value *answer = value_map(request->arena);
    value_set_text(request->arena, answer, "app_id", app_id);
    value_set_bool(request->arena, answer, "revoked", true);
    return response_value(request, answer);
}
