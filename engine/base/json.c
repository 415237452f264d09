#include "base/json.h"

#include "base/utf8.h"

#include <jansson.h>
#include <math.h>

/* Why this text is more than anybody reads; NULL: it is not. Each value but the first stands behind a bracket or a
 * comma, so there are at most as many. */
static const char *excess_of(struct slice text) {
    int depth = 0, values = 1;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            values++;
            if (++depth > JSON_DEPTH_MAX)
                return "nested too deep";
        } else if (c == ']' || c == '}') {
            depth--;
        } else if (c == ',') {
            values++;
        }
    }
    return values > JSON_VALUES_MAX ? "too many values" : NULL;
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
static struct value *value_from(struct arena *arena, json_t *json) {
    switch (json_typeof(json)) {
    case JSON_OBJECT: {
        struct value *map = value_map(arena);
        const char *name;
        json_t *child;
        json_object_foreach (json, name, child)
            value_set(map, arena_copy(arena, slice_of(name)), value_from(arena, child));
        return map;
    }
    case JSON_ARRAY: {
        struct value *list = value_list(arena);
        size_t index;
        json_t *child;
        json_array_foreach (json, index, child)
            value_append(list, value_from(arena, child));
        return list;
    }
    case JSON_STRING:
        return value_text(arena, arena_copy(arena, (struct slice){json_string_value(json), json_string_length(json)}));
    case JSON_INTEGER:
        return value_int(arena, json_integer_value(json));
    case JSON_REAL:
        return value_real(arena, json_real_value(json));
    case JSON_TRUE:
    case JSON_FALSE:
        return value_bool(arena, json_is_true(json));
    case JSON_NULL:
        break;
    }
    return value_null(arena);
}

struct value *json_parse(struct arena *arena, struct slice text, struct slice *error) {
    struct slice ignored;
    if (!error)
        error = &ignored;
    const char *excess = excess_of(text);
    if (excess) {
        *error = slice_of(excess);
        return NULL;
    }
    json_error_t why;
    json_t *json = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!json) {
        *error = arena_printf(arena, "line %d, column %d: %s", why.line, why.column, why.text);
        return NULL;
    }
    struct value *value = value_from(arena, json);
    json_decref(json);
    return value;
}

/* Whether eight bytes stand for themselves in a JSON text: ASCII, no control character, no DEL, no '"', no '\\'. A byte
 * below what is subtracted from it borrows, and DEL with one added carries: both set its highest bit. */
static inline bool word_is_plain(uint64_t word) {
    const uint64_t ones = 0x0101010101010101;
    uint64_t odd =
        word | (word + ones) | (word - ones * 0x20) | ((word ^ ones * '"') - ones) | ((word ^ ones * '\\') - ones);
    return (odd & ones * 0x80) == 0;
}

static inline uint64_t word_at(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/* A text at once; the last eight bytes overlap those before. */
static bool is_plain(struct slice text) {
    enum { STEP = sizeof(uint64_t) };
    if (text.len < STEP) {
        uint64_t word = 0x2020202020202020;
        for (size_t i = 0; i < text.len; i++)
            word = word << 8 | (unsigned char)text.at[i];
        return word_is_plain(word);
    }
    for (size_t i = 0; i < text.len - STEP; i += STEP)
        if (!word_is_plain(word_at(text.at + i)))
            return false;
    return word_is_plain(word_at(text.at + text.len - STEP));
}

void json_write_text(struct buffer *buffer, struct slice text) {
    static const char hex[] = "0123456789abcdef";
    if (text.len && is_plain(text)) { /* most are */
        char *out = buffer_reserve(buffer, text.len + 2);
        out[0] = out[text.len + 1] = '"';
        memcpy(out + 1, text.at, text.len);
        buffer->len += text.len + 2;
        return;
    }
    buffer_add_byte(buffer, '"');
    size_t start = 0;
    for (size_t i = 0; i < text.len;) {
        unsigned char c = (unsigned char)text.at[i];
        uint32_t rune = c;
        size_t step = c < 0x80 ? 1 : utf8_next(slice_from(text, i), &rune);
        if (step && !utf8_is_control(rune) && c != '"' && c != '\\') {
            i += step;
            continue;
        }
        buffer_add(buffer, (struct slice){text.at + start, i - start});
        if (!step) {
            buffer_add(buffer, SLICE("\xef\xbf\xbd"));
        } else if (c == '"' || c == '\\') {
            buffer_add_byte(buffer, '\\');
            buffer_add_byte(buffer, (char)c);
        } else { /* a log and an answer are read on terminals, so controls beyond JSON's own are escaped also */
            buffer_add(buffer, SLICE("\\u"));
            for (int shift = 12; shift >= 0; shift -= 4)
                buffer_add_byte(buffer, hex[rune >> shift & 15]);
        }
        start = i += step ? step : 1;
    }
    buffer_add(buffer, (struct slice){text.at + start, text.len - start});
    buffer_add_byte(buffer, '"');
}

/* Stays a real number when it is read again: -0 would become the integer 0. */
static void real_write(struct buffer *buffer, double real) {
    size_t start = buffer->len;
    if (!isfinite(real)) {
        buffer_add_text(buffer, "null");
        return;
    }
    buffer_printf(buffer, "%.17g", real);
    if (!memchr(buffer->at + start, '.', buffer->len - start) && !memchr(buffer->at + start, 'e', buffer->len - start))
        buffer_add_text(buffer, ".0");
}

void json_write(struct buffer *buffer, const struct value *value) {
    const char *separator = "";
    switch (value->kind) {
    case VALUE_NULL:
        buffer_add_text(buffer, "null");
        return;
    case VALUE_BOOL:
        buffer_add_text(buffer, value->boolean ? "true" : "false");
        return;
    case VALUE_INT:
        buffer_add_int(buffer, value->integer);
        return;
    case VALUE_REAL:
        real_write(buffer, value->real);
        return;
    case VALUE_TEXT:
        json_write_text(buffer, value->text);
        return;
    case VALUE_LIST:
    case VALUE_MAP:
        buffer_add_byte(buffer, value->kind == VALUE_MAP ? '{' : '[');
        for (const struct value *child = value->first; child; child = child->next) {
            buffer_add_text(buffer, separator);
            if (value->kind == VALUE_MAP) {
                json_write_text(buffer, child->name);
                buffer_add_byte(buffer, ':');
            }
            json_write(buffer, child);
            separator = ",";
        }
        buffer_add_byte(buffer, value->kind == VALUE_MAP ? '}' : ']');
        return;
    }
}
