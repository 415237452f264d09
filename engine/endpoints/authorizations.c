/* /idp/authorizations: what the caller has allowed which app, and taking it back. */
#include "endpoints/endpoints.h"

#include "base/clock.h"
#include "checks/caller.h"
#include "checks/paging.h"
#include "registry/authorizations.h"

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
    struct rows *rows;
    if ((error = authorization_list(request, &caller.user, paging.page, paging.limit, &rows, &paging.total)))
        return respond_error(request, error);
    struct value *items = value_list(request->arena);
    for (size_t i = 0; i < rows->count; i++)
        value_append(items, authorization_json(request->arena, rows, i));
    return paging_answer(request, &paging, items);
}

struct response endpoint_authorization_revoke(struct request *request) {
    struct caller caller;
    struct slice app_id = request->path_params[0];
    enum error error = caller_check(request, &caller);
    if (error || (error = authorization_revoke(request, &caller.user, app_id)))
        return respond_error(request, error);
    struct value *answer = value_map(request->arena);
    value_set_text(request->arena, answer, "app_id", app_id);
    value_set_bool(request->arena, answer, "revoked", true);
    return response_value(request, answer);
}
