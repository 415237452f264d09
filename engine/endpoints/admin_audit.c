/* GET /admin/audit, and the same rows as files: /admin/audit.csv, /admin/audit.jsonl. */
#include "endpoints/endpoints.h"

#include "base/clock.h"
#include "checks/admin.h"
#include "checks/fields.h"
#include "endpoints/admin_filter.h"
#include "endpoints/admin_list.h"
#include "registry/audit_export.h"

enum { PAGE_ROWS = 25, EXPORT_ROWS = 1000 };

const struct field admin_audit_fields[] = {ADMIN_FILTER_FIELDS, {0}};
const struct field admin_export_fields[] = {
    ADMIN_FILTER_FIELDS,
    {"limit", FIELD_INT, 0, 1, EXPORT_ROWS, "Rows of the file; 1,000 when left out."},
    {0},
};

/* One more than are shown: then there is a next page. */
static enum error rows_read(struct request *request, int64_t limit, struct rows *shown, struct slice *next) {
    struct audit_filter filter;
    enum error error = admin_filter_read(request, &filter);
    if (error)
        return error;
    struct batch batch = batch_in(request->arena);
    struct rows *rows = audit_search(&batch, &filter, limit + 1);
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    *shown = *rows;
    *next = SLICE_NONE;
    if (rows->count > (size_t)limit) {
        shown->count = (size_t)limit;
        *next = audit_cursor(request->arena, shown, shown->count - 1);
    }
    return ERROR_NONE;
}

static struct value *kinds_of(struct request *request) {
    struct arena *arena = request->arena;
    struct slice chosen = params_get(&request->query, "kind");
    struct value *list = value_list(arena);
    for (size_t i = 0; i < AUDIT_KIND_COUNT; i++) {
        struct value *kind = value_map(arena);
        value_set_text(arena, kind, "name", slice_of(audit_kind_names[i]));
        value_set_bool(arena, kind, "chosen", slice_is(chosen, audit_kind_names[i]));
        value_append(list, kind);
    }
    return list;
}

/* For one request the policies' decisions are shown, too. */
static void decisions_add(struct arena *arena, struct value *events, const struct rows *rows) {
    size_t row = 0;
    for (struct value *event = events->first; event; event = event->next, row++)
        if (!slice_is(row_text(rows, row, "decisions"), "[]"))
            value_set_text(arena, event, "decisions", row_text(rows, row, "decisions"));
}

struct response endpoint_admin_audit(struct request *request) {
    static const char *const asked[] = {"user", "app", "address", "request_id", "from", "to"};
    struct arena *arena = request->arena;
    struct session session;
    struct response instead;
    struct rows rows;
    struct slice next;
    if (!admin_look(request, &session, &instead))
        return instead;
    enum error error = rows_read(request, PAGE_ROWS, &rows, &next);
    if (error)
        return respond_error(request, error);
    struct value *context = admin_context(request, &session, "Audit log", "audit");
    struct value *filter = value_map(arena), *events = admin_events(arena, &rows);
    for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++)
        value_set_text(arena, filter, asked[i], params_get(&request->query, asked[i]));
    value_set_value(filter, "kinds", kinds_of(request));
    value_set_value(context, "filter", filter);
    if (slice_is_set(params_get(&request->query, "request_id")))
        decisions_add(arena, events, &rows);
    value_set_value(context, "events", events);
    value_set_text(arena, context, "csv_url", admin_filter_url(request, "/admin/audit.csv", SLICE_NONE));
    value_set_text(arena, context, "jsonl_url", admin_filter_url(request, "/admin/audit.jsonl", SLICE_NONE));
    if (slice_is_set(params_get(&request->query, "before")))
        value_set_text(arena, context, "first_url", admin_filter_url(request, "/admin/audit", SLICE_NONE));
    if (slice_is_set(next))
        value_set_text(arena, context, "next_url", admin_filter_url(request, "/admin/audit", next));
    return response_page(request, 200, "admin_audit", context, SLICE_NONE);
}

/* At most EXPORT_ROWS; a Link header says where the file goes on (RFC 8288). */
static struct response export(struct request *request, const char *path, const char *media_type,
                              void (*write)(struct buffer *text, const struct rows *rows)) {
    struct arena *arena = request->arena;
    struct session session;
    struct response instead;
    struct rows rows;
    struct slice next;
    if (!admin_look(request, &session, &instead))
        return instead;
    int64_t limit = field_int(fields_query(request, admin_export_fields), "limit", EXPORT_ROWS);
    enum error error = request_validation(request);
    if (!error)
        error = rows_read(request, limit, &rows, &next);
    if (error)
        return respond_error(request, error);
    struct buffer text = buffer_in(arena);
    write(&text, &rows);
    struct response response = {.status = 200, .content_type = media_type, .body = buffer_slice(&text)};
    struct slice day = clock_rfc3339(arena, clock_now_s());
    response_header(&response, "content-disposition",
                    arena_printf(arena, "attachment; filename=\"audit-%.10s%s\"", day.at, strrchr(path, '.')));
    if (slice_is_set(next))
        response_header(&response, "link",
                        arena_printf(arena, "<%.*s>; rel=\"next\"", SLICE_ARG(admin_filter_url(request, path, next))));
    return response;
}

struct response endpoint_admin_audit_csv(struct request *request) {
    return export(request, "/admin/audit.csv", "text/csv; charset=utf-8; header=present", audit_csv_write);
}

struct response endpoint_admin_audit_jsonl(struct request *request) {
    return export(request, "/admin/audit.jsonl", "application/jsonl; charset=utf-8", audit_jsonl_write);
}
