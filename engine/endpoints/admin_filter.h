/* What a page of the audit log, or a file of it, is asked for. */
#ifndef ENDPOINTS_ADMIN_FILTER_H
#define ENDPOINTS_ADMIN_FILTER_H

#include "registry/audit.h"
#include "registry/audit_search.h"
#include "server/response.h"

#define ADMIN_KIND_IN_TEXT(id, name) " " name
#define ADMIN_FILTER_FIELDS \
    {"kind", FIELD_TEXT, 0, 0, 200, "One of:" AUDIT_KINDS(ADMIN_KIND_IN_TEXT) "."}, \
        {"user", FIELD_TEXT, 0, 0, 200, "A user's name or user_id."}, \
        {"app", FIELD_TEXT, 0, 0, 200, "An app_id or client_id."}, {"address", FIELD_TEXT, 0, 0, 200, "Of the peer."}, \
        {"request_id", FIELD_TEXT, 0, 0, 200, "Of one request."}, \
        {"from", FIELD_TEXT, 0, 0, 200, "UTC: 2026-11-27, or 2026-11-27T19:30[:05]."}, \
        {"to", FIELD_TEXT, 0, 0, 200, "The same; up to and without it."}, { \
        "before", FIELD_TEXT, 0, 0, 200, "Where the page before ended." \
    }

/* Names become ids; one that nobody has now is looked for as it is (users who are gone). ERROR_BAD_REQUEST: a time or
 * a place that is none. */
enum error admin_filter_read(struct request *request, struct audit_filter *filter);

/* "/admin/audit…" with the filter as it was asked for; `before` absent: the first page. */
struct slice admin_filter_url(struct request *request, const char *path, struct slice before);

/* Unix milliseconds of "2026-11-27", "2026-11-27T19:30" or "…T19:30:05", with or without Z; -1: it is none. */
int64_t admin_time_read(struct slice text);

#endif
