#include "checks/device_request.h"

#include "base/clock.h"
#include "crypto/random.h"
#include "registry/apps.h"
#include "registry/audit.h"

/* Of 20^8 codes, some ten thousand of which wait, so many tries find none in the lifetime of any. */
enum { WRONG_MAX = 10, WRONG_WINDOW_S = 600, TYPED_LEN_MAX = 64 };

struct slice user_code_read(struct arena *arena, struct slice text) {
    char code[USER_CODE_LEN + 1];
    size_t len = 0;
    if (text.len > TYPED_LEN_MAX)
        return SLICE_NONE;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '-' || c == ' ' || c == '\t')
            continue;
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (len == USER_CODE_LEN || !c || !strchr(USER_CODE_LETTERS, c))
            return SLICE_NONE;
        if (len == USER_CODE_LEN / 2)
            code[len++] = '-';
        code[len++] = c;
    }
    return len == USER_CODE_LEN ? arena_copy(arena, (struct slice){code, len}) : SLICE_NONE;
}

static enum error asked_from(struct request *request, const struct rows *row, struct authorization_request *asked) {
    *asked = (struct authorization_request){
        .max_age_s = -1,
        .redirect_uri = SLICE(""),
        .device_id = row_text(row, 0, "device_id"),
        .user_code = row_text(row, 0, "user_code"),
        .device_until_s = row_int(row, 0, "expires_at"),
        .scopes = names_split(request->arena, row_text(row, 0, "scopes")),
        .resources = row_text(row, 0, "resources"),
        .dpop_jkt = row_text(row, 0, "dpop_jkt"),
    };
    enum error error = app_find_any(request, row_text(row, 0, "app_id"), &asked->app);
    if (error == ERROR_NOT_FOUND || (!error && !asked->app.active))
        return fail(request, ERROR_APP_IS_OFF, NULL);
    return error;
}

enum error device_request_find(struct request *request, const struct user *user, struct slice user_code,
                               struct authorization_request *asked) {
    int64_t now_s = clock_now_s();
    struct db_value code = db_text(user_code), now = db_int(now_s);
    struct batch batch = batch_in(request->arena);
    struct rows *guess =
        batch_add(&batch, STATEMENT_device_guess, db_text(user->user_id), code, now, db_int(now_s + WRONG_WINDOW_S));
    struct rows *found = batch_add(&batch, STATEMENT_device_by_user_code, code, now);
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    int64_t wrong_before = row_int(guess, 0, "wrong") - (found->count ? 0 : 1);
    if (wrong_before >= WRONG_MAX) {
        enum error error =
            fail(request, ERROR_TOO_MANY_REQUESTS, "These were too many wrong codes. Try again in ten minutes.");
        audit_refusal(request, user, NULL, request->error_text);
        return error;
    }
    return found->count ? asked_from(request, found, asked) : ERROR_NOT_FOUND;
}

enum error device_request_open(struct request *request, struct slice device_id, struct authorization_request *asked) {
    struct batch batch = batch_in(request->arena);
    struct rows *row = batch_add(&batch, STATEMENT_device_by_id, db_text(device_id));
    if (!db_run(request->service->db, &batch))
        return ERROR_STORE_UNAVAILABLE;
    if (row->count && !row_is_null(row, 0, "decided_at"))
        return fail(request, ERROR_BAD_REQUEST, "This request has been answered already.");
    if (row->count == 0 || row_int(row, 0, "expires_at") <= clock_now_s())
        return fail(request, ERROR_BAD_REQUEST, "This code has expired. Start anew on your device.");
    return asked_from(request, row, asked);
}
