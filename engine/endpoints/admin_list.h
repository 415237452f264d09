/* What the pages of /admin have in common: facts, times, rows of the audit log, going on. */
#ifndef ENDPOINTS_ADMIN_LIST_H
#define ENDPOINTS_ADMIN_LIST_H

#include "server/response.h"
#include "store/record.h"

enum { ADMIN_ROWS = 25, ADMIN_EVENTS = 10 };

/* "2026-11-27 19:31:02" of Unix seconds, UTC; "–" for 0. */
struct slice admin_time(struct arena *arena, int64_t unix_s);

/* Adds { name, text, url? } to a list; the name is English and the page's language has it. */
void admin_fact(struct arena *arena, struct value *facts, const char *name, struct slice text, struct slice url);

/* Rows of the audit log as { time, kind, username, user_url, app_id, app_url, address, detail, request_id, … }. */
struct value *admin_events(struct arena *arena, const struct rows *rows);

/* "/admin/users/ID" with the id percent-encoded. */
struct slice admin_url(struct arena *arena, const char *what, struct slice id);

/* Of a list of apps: { name, url, owner, owner_url, active, public, users, created }. */
struct value *admin_app_rows(struct arena *arena, const struct rows *rows);

#endif
