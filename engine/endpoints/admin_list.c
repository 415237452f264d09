#include "endpoints/admin_list.h"

#include "base/clock.h"
#include "page/chart.h"

struct slice admin_time(struct arena *arena, int64_t unix_s) {
    if (unix_s <= 0)
        return SLICE("–");
    struct slice text = clock_rfc3339(arena, unix_s);
    return arena_printf(arena, "%.10s %.8s", text.at, text.at + 11);
}

void admin_fact(struct arena *arena, struct value *facts, const char *name, struct slice text, struct slice url) {
    struct value *fact = value_map(arena);
    value_set_text(arena, fact, "name", slice_of(name));
    value_set_text(arena, fact, "text", text);
    value_set_text(arena, fact, "url", url);
    value_append(facts, fact);
}

static void add_encoded(struct buffer *text, struct slice value) {
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.at[i];
        bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
                        byte == '-' || byte == '_' || byte == '.' || byte == '~';
        if (is_plain)
            buffer_add_byte(text, (char)byte);
        else
            buffer_printf(text, "%%%02X", byte);
    }
}

struct slice admin_url(struct arena *arena, const char *what, struct slice id) {
    struct buffer url = buffer_in(arena);
    buffer_printf(&url, "/admin/%s/", what);
    add_encoded(&url, id);
    return buffer_slice(&url);
}

struct value *admin_events(struct arena *arena, const struct rows *rows) {
    static const char *const texts[] = {"kind", "username", "address", "detail", "request_id", "policy_version"};
    struct value *events = value_list(arena);
    for (size_t row = 0; row < rows->count; row++) {
        struct value *event = value_map(arena);
        struct slice user_id = row_text(rows, row, "user_id"), app_id = row_text(rows, row, "app_id");
        value_set_text(arena, event, "time", admin_time(arena, row_int(rows, row, "at_ms") / 1000));
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
            value_set_text(arena, event, texts[i], row_text(rows, row, texts[i]));
        if (slice_is_set(user_id))
            value_set_text(arena, event, "user_url", admin_url(arena, "users", user_id));
        if (slice_is_set(app_id)) {
            value_set_text(arena, event, "app_id", app_id);
            value_set_text(arena, event, "app_url", admin_url(arena, "apps", app_id));
        }
        value_append(events, event);
    }
    return events;
}

struct value *admin_app_rows(struct arena *arena, const struct rows *rows) {
    struct value *apps = value_list(arena);
    for (size_t row = 0; row < rows->count; row++) {
        struct value *app = value_map(arena);
        value_set_text(arena, app, "name", row_text(rows, row, "name"));
        value_set_text(arena, app, "url", admin_url(arena, "apps", row_text(rows, row, "app_id")));
        value_set_bool(arena, app, "active", row_bool(rows, row, "active"));
        value_set_bool(arena, app, "public", row_bool(rows, row, "public"));
        value_set_text(arena, app, "users", chart_number(arena, (double)row_int(rows, row, "user_count")));
        value_set_text(arena, app, "created", admin_time(arena, row_int(rows, row, "created_at")));
        value_append(apps, app);
    }
    return apps;
}
