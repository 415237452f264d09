#include "server/request.h"

#include "base/buffer.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool holds(struct slice text, char byte) {
    return slice_find(text, byte) < text.len;
}

/* Percent-decoding; a "+" is a space in forms, itself in paths. */
static struct slice decode(struct arena *arena, struct slice text, bool plus_is_space) {
    if (!holds(text, '%') && !(plus_is_space && holds(text, '+')) && !holds(text, '\0')) /* most are as they are */
        return utf8_is_valid(text) ? arena_copy(arena, text) : SLICE_NONE;
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '%') {
            bool is_whole = i + 2 < text.len;
            int high = is_whole ? hex_digit(text.at[i + 1]) : -1, low = is_whole ? hex_digit(text.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return SLICE_NONE;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c == '\0')
            return SLICE_NONE;
        out[len++] = c;
    }
    out[len] = '\0';
    struct slice decoded = {out, len};
    return utf8_is_valid(decoded) ? decoded : SLICE_NONE;
}

struct slice form_decode(struct arena *arena, struct slice text) {
    return decode(arena, text, true);
}

struct slice path_decode(struct arena *arena, struct slice text) {
    return decode(arena, text, false);
}

bool param_may_repeat(struct slice name) {
    return slice_is(name, "resource") || slice_is(name, "audience");
}

bool params_parse(struct arena *arena, struct slice text, bool repeats, struct params *params, struct slice *why) {
    *params = (struct params){0};
    if (!text.len)
        return true;
    params->list = arena_alloc(arena, PARAMS_MAX * sizeof(*params->list));
    while (slice_is_set(text)) {
        struct slice pair = slice_cut(&text, '&');
        if (!pair.len)
            continue;
        size_t equals = slice_find(pair, '=');
        struct param param = {
            .name = form_decode(arena, (struct slice){pair.at, equals}),
            .value = equals < pair.len ? form_decode(arena, slice_from(pair, equals + 1)) : SLICE(""),
        };
        if (!slice_is_set(param.name) || !slice_is_set(param.value)) {
            *why = SLICE("A parameter has broken percent-encoding, a NUL or invalid UTF-8.");
            return false;
        }
        for (size_t i = 0; i < params->count && !repeats && !param_may_repeat(param.name); i++) {
            if (slice_equal(params->list[i].name, param.name)) {
                *why = SLICE("A parameter is given twice.");
                return false;
            }
        }
        if (params->count == PARAMS_MAX) {
            *why = SLICE("There are too many parameters.");
            return false;
        }
        params->list[params->count++] = param;
    }
    return true;
}

struct slice params_get(const struct params *params, const char *name) {
    for (size_t i = 0; i < params->count; i++)
        if (slice_is(params->list[i].name, name))
            return params->list[i].value.len ? params->list[i].value : SLICE_NONE;
    return SLICE_NONE;
}

struct slice cookie_get(struct slice header, const char *name) {
    struct slice found = SLICE_NONE;
    while (slice_is_set(header)) {
        struct slice pair = slice_trim(slice_cut(&header, ';'));
        size_t equals = slice_find(pair, '=');
        if (equals == pair.len || !slice_is((struct slice){pair.at, equals}, name))
            continue;
        if (slice_is_set(found))
            return SLICE_NONE;
        found = slice_from(pair, equals + 1);
    }
    return found;
}

const struct language *request_language(const struct request *request) {
    const struct pages *pages = request->service->pages;
    if (!pages)
        return NULL;
    if (!slice_is_set(request->ui_locales))
        return language_choose(pages_languages(pages), request->accept_language);
    /* Tags in the order of preference, separated by spaces: the first that there is, before what the browser wants. */
    struct buffer wanted = buffer_in(request->arena);
    struct slice rest = request->ui_locales;
    while (slice_is_set(rest)) {
        buffer_add(&wanted, slice_cut(&rest, ' '));
        buffer_add_byte(&wanted, ',');
    }
    buffer_add(&wanted, request->accept_language);
    return language_choose(pages_languages(pages), buffer_slice(&wanted));
}

void request_invalid(struct request *request, const char *place, const char *field, int index, const char *type,
                     const char *format, ...) {
    char message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    struct invalid_field *invalid = arena_alloc(request->arena, sizeof(*invalid));
    *invalid = (struct invalid_field){
        .place = place,
        .field = slice_of(field),
        .index = index,
        .type = type,
        .message = arena_copy(request->arena, slice_of(message)),
    };
    if (request->invalid_last)
        request->invalid_last->next = invalid;
    else
        request->invalid = invalid;
    request->invalid_last = invalid;
}

enum error request_validation(struct request *request) {
    return request->invalid ? ERROR_VALIDATION : ERROR_NONE;
}

void request_works(struct request *request, struct slice id) {
    for (size_t i = 0; i < request->work_count; i++)
        if (slice_equal(request->works[i], id))
            return;
    assert(request->work_count < REQUEST_WORKS_MAX);
    request->works[request->work_count++] = arena_copy(request->arena, id);
}

struct slice request_works_by_id(struct request *request) {
    request_works(request, slice_of(request->id));
    return slice_of(request->id);
}
