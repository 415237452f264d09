/* GET /account: who somebody is here; and what the pages beside it share. */
#include "endpoints/account.h"
#include "endpoints/endpoints.h"

#include "base/clock.h"
#include "checks/admin.h"
#include "checks/csrf.h"

static const struct {
    const char *path, *title;
} account_pages[] = {
    {"/account", "Profile"},
    {"/account/sessions", "Sign-ins"},
    {"/account/connected", "Connected apps"},
    {"/account/apps", "My apps"},
    {"/account/keys", "API keys"},
    {"/account/passkeys", "Passkeys"},
    {"/account/directory", "App directory"},
};

struct value *account_context(struct request *request, const struct session *session, const char *title,
                              const char *here) {
    struct arena *arena = request->arena;
    struct value *context = value_map(arena), *nav = value_list(arena), *user = value_map(arena);
    for (size_t i = 0; i < sizeof(account_pages) / sizeof(*account_pages); i++) {
        struct value *page = value_map(arena);
        value_set_text(arena, page, "url", slice_of(account_pages[i].path));
        value_set_text(arena, page, "title", slice_of(account_pages[i].title));
        value_set_bool(arena, page, "current", strcmp(account_pages[i].path, here) == 0);
        value_append(nav, page);
    }
    if (names_hold(session->user.roles, SLICE(ADMIN_ROLE))) {
        struct value *page = value_map(arena);
        value_set_text(arena, page, "url", SLICE("/admin"));
        value_set_text(arena, page, "title", SLICE("Administration"));
        value_append(nav, page);
    }
    value_set_value(context, "nav", nav);
    value_set_text(arena, context, "title", slice_of(title));
    value_set_text(arena, context, "csrf_token", csrf_token(request, session));
    value_set_text(arena, user, "username", session->user.username);
    value_set_value(context, "user", user);
    return context;
}

bool account_is_fresh(const struct session *session) {
    enum { FRESH_S = 600 };
    return session->user.sign_in.at + FRESH_S >= clock_now_s();
}

/* Of "2026-11-27T19:52:50Z". */
static struct slice readable(struct arena *arena, struct slice text) {
    return arena_printf(arena, "%.10s %.5s UTC", text.at, text.at + 11);
}

struct slice account_time(struct arena *arena, int64_t unix_s) {
    return readable(arena, clock_rfc3339(arena, unix_s));
}

void account_read_times(struct arena *arena, struct value *list, const char *name) {
    for (struct value *item = list->first; item; item = item->next)
        for (struct value *member = item->first; member; member = member->next)
            if (slice_is(member->name, name) && member->kind == VALUE_TEXT)
                member->text = readable(arena, member->text);
}

int64_t account_page_number(struct request *request) {
    struct slice text = params_get(&request->query, "page");
    int64_t page = 0;
    for (size_t i = 0; i < text.len && page < 1000000; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return 0;
        page = page * 10 + (text.at[i] - '0');
    }
    return page;
}

void account_add_pages(struct request *request, struct value *context, const struct account_part *part) {
    if (part->page > 0)
        value_set_text(request->arena, context, "previous_url",
                       arena_printf(request->arena, "%.*spage=%lld", SLICE_ARG(part->base), (long long)part->page - 1));
    if ((part->page + 1) * part->limit < part->total)
        value_set_text(request->arena, context, "next_url",
                       arena_printf(request->arena, "%.*spage=%lld", SLICE_ARG(part->base), (long long)part->page + 1));
}

struct response account_redirect(struct request *request, const char *path) {
    return response_redirect(
        303, arena_printf(request->arena, "%.*s%s", SLICE_ARG(request->service->settings->issuer), path));
}

struct response endpoint_account(struct request *request) {
    struct arena *arena = request->arena;
    struct session session;
    struct response instead;
    if (!page_session(request, &session, &instead))
        return instead;
    const struct user *user = &session.user;
    struct value *context = account_context(request, &session, "Your account", "/account");
    value_set_text(arena, context, "user_id", user->user_id);
    value_set_text(arena, context, "hotkey", user->hotkey);
    value_set_value(context, "roles", names_split(arena, user->roles));
    value_set_text(arena, context, "member_since", account_time(arena, user->created_at));
    value_set_text(arena, context, "signed_in_at", account_time(arena, user->sign_in.at));
    value_set_text(arena, context, "method", user->sign_in.method);
    return response_page(request, 200, "account", context, SLICE_NONE);
}
