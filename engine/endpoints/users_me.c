/* GET /users/me: who is calling. Public clients of this API ask it to see whether a key is good. */
#include "endpoints/endpoints.h"

#include "base/clock.h"
#include "checks/caller.h"

struct response endpoint_users_me(struct request *request) {
    struct caller caller;
    enum error error = caller_check(request, &caller);
    if (error)
        return respond_error(request, error);
    struct arena *arena = request->arena;
    struct value *answer = value_map(arena);
    value_set_text(arena, answer, "user_id", caller.user.user_id);
    value_set_text(arena, answer, "username", caller.user.username);
    value_set_text(arena, answer, "hotkey", caller.user.hotkey);
    value_set_value(answer, "roles", names_split(arena, caller.user.roles));
    value_set_text(arena, answer, "created_at", clock_rfc3339(arena, caller.user.created_at));
    return response_value(request, answer);
}
