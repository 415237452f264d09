#include "endpoints/admin_filter.h"

#include "checks/redirect_uri.h"
#include "registry/apps.h"
#include "registry/users.h"

#include <time.h>

enum { FIELD_LEN_MAX = 300 };

static const char *const names[] = {"kind", "user", "app", "address", "request_id", "from", "to", "limit"};

/* The next digits, all of them. */
static bool digits_read(struct slice *text, size_t count, char behind, int *number) {
    *number = 0;
    if (text->len < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (text->at[i] < '0' || text->at[i] > '9')
            return false;
        *number = *number * 10 + (text->at[i] - '0');
    }
    *text = slice_from(*text, count);
    if (!behind)
        return true;
    if (!text->len || (text->at[0] != behind && !(behind == 'T' && text->at[0] == ' ')))
        return false;
    *text = slice_from(*text, 1);
    return true;
}

int64_t admin_time_read(struct slice text) {
    struct tm parts = {0};
    int year, month;
    if (text.len && text.at[text.len - 1] == 'Z')
        text.len--;
    bool has_clock = text.len > 10;
    if (!digits_read(&text, 4, '-', &year) || !digits_read(&text, 2, '-', &month) ||
        !digits_read(&text, 2, has_clock ? 'T' : 0, &parts.tm_mday))
        return -1;
    if (has_clock) {
        bool has_seconds = text.len > 5;
        if (!digits_read(&text, 2, ':', &parts.tm_hour) ||
            !digits_read(&text, 2, has_seconds ? ':' : 0, &parts.tm_min) ||
            (has_seconds && !digits_read(&text, 2, 0, &parts.tm_sec)))
            return -1;
    }
    if (text.len || year < 1970 || month < 1 || month > 12 || parts.tm_mday < 1 || parts.tm_mday > 31 ||
        parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 59)
        return -1;
    parts.tm_year = year - 1900;
    parts.tm_mon = month - 1;
    return (int64_t)timegm(&parts) * 1000;
}

static enum error times_read(struct request *request, struct audit_filter *filter) {
    struct slice from = params_get(&request->query, "from"), to = params_get(&request->query, "to");
    if (slice_is_set(from) && (filter->from_ms = admin_time_read(from)) < 0)
        return fail(request, ERROR_BAD_REQUEST, "A time is 2026-11-27 or 2026-11-27T19:30, in UTC.");
    if (slice_is_set(to) && (filter->to_ms = admin_time_read(to)) < 0)
        return fail(request, ERROR_BAD_REQUEST, "A time is 2026-11-27 or 2026-11-27T19:30, in UTC.");
    struct slice before = params_get(&request->query, "before");
    if (slice_is_set(before) && !audit_cursor_read(before, filter))
        return fail(request, ERROR_BAD_REQUEST, "No page ends there.");
    return ERROR_NONE;
}

static enum error ids_read(struct request *request, struct audit_filter *filter) {
    struct slice user_id = params_get(&request->query, "user"), app_id = params_get(&request->query, "app");
    struct user user;
    struct app app;
    if (slice_is_set(user_id)) {
        enum error error = user_find_by_id_or_name(request, user_id, &user);
        if (error && error != ERROR_NOT_FOUND)
            return error;
        filter->user_id = error ? user_id : user.user_id;
    }
    if (slice_is_set(app_id)) {
        enum error error = app_find_any(request, app_id, &app);
        if (error && error != ERROR_NOT_FOUND)
            return error;
        filter->app_id = error ? app_id : app.app_id;
    }
    request->error_text = SLICE_NONE;
    return ERROR_NONE;
}

enum error admin_filter_read(struct request *request, struct audit_filter *filter) {
    *filter = audit_filter_all();
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (params_get(&request->query, names[i]).len > FIELD_LEN_MAX)
            return fail(request, ERROR_BAD_REQUEST, "This is too long to search for.");
    filter->kind = params_get(&request->query, "kind");
    filter->address = params_get(&request->query, "address");
    filter->request_id = params_get(&request->query, "request_id");
    enum error error = times_read(request, filter);
    return error ? error : ids_read(request, filter);
}

struct slice admin_filter_url(struct request *request, const char *path, struct slice before) {
    enum { COUNT = sizeof(names) / sizeof(*names) };
    struct redirect_param params[COUNT + 1];
    for (size_t i = 0; i < COUNT; i++)
        params[i] = (struct redirect_param){names[i], params_get(&request->query, names[i])};
    params[COUNT] = (struct redirect_param){"before", before};
    return redirect_build(request->arena, slice_of(path), params, COUNT + 1);
}
