#include "checks/sealed.h"

#include "base/clock.h"
#include "base/json.h"
#include "crypto/seal.h"

#include <assert.h>

static bool is_of_kind(const struct value *value, enum value_kind kind) {
    return value && value->kind == kind;
}

static bool has_members(const struct value *map, const struct sealed_kind *kind) {
    for (size_t i = 0; i < SEALED_MEMBERS_MAX && kind->members[i].name; i++)
        if (!is_of_kind(value_get(map, kind->members[i].name), kind->members[i].kind))
            return false;
    return is_of_kind(value_get(map, "expires_at"), VALUE_INT);
}

struct slice sealed_make(struct request *request, const struct sealed_kind *kind, struct value *map,
                         int64_t expires_at_s) {
    value_set_int(request->arena, map, "expires_at", expires_at_s);
    assert(has_members(map, kind));
    struct buffer text = buffer_in(request->arena);
    json_write(&text, map);
    return seal(request->arena, request->service->keyring, kind->purpose, buffer_slice(&text));
}

enum error sealed_open(struct request *request, const struct sealed_kind *kind, struct slice text,
                       const struct value **map, int64_t *expires_at_s) {
    struct slice plain = unseal(request->arena, request->service->keyring, kind->purpose, text);
    *map = slice_is_set(plain) ? json_parse(request->arena, plain, NULL) : NULL;
    if (!has_members(*map, kind))
        return fail(request, kind->error, "%s", kind->not_ours);
    *expires_at_s = value_get(*map, "expires_at")->integer;
    if (*expires_at_s <= clock_now_s())
        return fail(request, kind->error, "%s", kind->expired);
    return ERROR_NONE;
}
