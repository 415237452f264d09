/* The audit log, searched: for the pages and exports of /admin. */
#ifndef REGISTRY_AUDIT_SEARCH_H
#define REGISTRY_AUDIT_SEARCH_H

#include "server/request.h"

/* Absent texts: any. The newest come first; `before` is the last row that was seen. */
struct audit_filter {
    struct slice kind, user_id, app_id, address, request_id;
    int64_t from_ms, to_ms; /* from, and before; Unix time */
    int64_t before_ms;      /* with before_id */
    struct slice before_id;
};

/* Everything, from the newest on. */
struct audit_filter audit_filter_all(void);

/* Adds the search to a batch. Its rows: audit_id, at_ms, kind, request_id, user_id, username, app_id, address,
 * policy_version, detail, decisions. */
struct rows *audit_search(struct batch *batch, const struct audit_filter *filter, int64_t limit);

/* Where a page that ends with this row ends: "1764272000123.AUDIT_ID", and back. False: it is none. */
struct slice audit_cursor(struct arena *arena, const struct rows *rows, size_t row);
bool audit_cursor_read(struct slice text, struct audit_filter *filter);

#endif
