/* What holds of decoded parameters, wherever they came from. */
#ifndef SPEC_FUZZ_PARAMS_H
#define SPEC_FUZZ_PARAMS_H

#include "fuzz.h"

#include "base/buffer.h"
#include "server/request.h"

/* Every byte percent-encoded. */
static inline void encode(struct buffer *out, struct slice text) {
    for (size_t i = 0; i < text.len; i++)
        buffer_printf(out, "%%%02x", (unsigned char)text.at[i]);
}

/* Bounded, clean, found by name, and the same again when encoded and parsed again. */
static inline void params_check(struct arena *arena, const struct params *params, bool repeats) {
    struct buffer again = buffer_in(arena);
    FUZZ_CHECK(params->count <= PARAMS_MAX);
    for (size_t i = 0; i < params->count; i++) {
        const struct param *param = &params->list[i];
        FUZZ_CHECK(fuzz_is_clean(param->name) && fuzz_is_clean(param->value));
        buffer_add_text(&again, i ? "&" : "");
        encode(&again, param->name);
        buffer_add_byte(&again, '=');
        encode(&again, param->value);
        if (!repeats && !param_may_repeat(param->name)) {
            struct slice found = params_get(params, arena_string(arena, param->name));
            FUZZ_CHECK(param->value.len ? slice_equal(found, param->value) : !slice_is_set(found));
        }
    }
    struct params parsed;
    struct slice why;
    FUZZ_CHECK(params_parse(arena, buffer_slice(&again), repeats, &parsed, &why));
    FUZZ_CHECK(parsed.count == params->count);
    for (size_t i = 0; i < params->count; i++)
        FUZZ_CHECK(slice_equal(parsed.list[i].name, params->list[i].name) &&
                   slice_equal(parsed.list[i].value, params->list[i].value));
}

#endif
