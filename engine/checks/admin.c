#include "checks/admin.h"

#include "checks/csrf.h"
#include "checks/page_session.h"

static bool is_admin(struct request *request, const struct session *session, struct response *instead) {
    if (names_hold(session->user.roles, SLICE(ADMIN_ROLE)))
        return true;
    *instead = respond_error(request, fail(request, ERROR_FORBIDDEN, "This page is for administrators."));
    return false;
}

bool admin_look(struct request *request, struct session *session, struct response *instead) {
    return page_session(request, session, instead) && is_admin(request, session, instead);
}

bool admin_act(struct request *request, struct session *session, struct response *instead) {
    return page_form_session(request, session, instead) && is_admin(request, session, instead);
}

struct value *admin_context(struct request *request, const struct session *session, const char *title,
                            const char *tab) {
    struct arena *arena = request->arena;
    struct value *context = value_map(arena), *on = value_map(arena);
    value_set_text(arena, context, "title", slice_of(title));
    value_set_bool(arena, on, tab, true);
    value_set_value(context, "on", on);
    value_set_text(arena, context, "viewer", session->user.username);
    value_set_text(arena, context, "csrf_token", csrf_token(request, session));
    return context;
}
