#include "base/utf8.h"

#include <wctype.h>

size_t utf8_next(struct slice s, uint32_t *rune) {
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    if (!s.len)
        return 0;
    unsigned char first = (unsigned char)s.at[0];
    for (size_t extra = 0; extra < 4; extra++) {
        if ((first & forms[extra].mask) != forms[extra].lead)
            continue;
        if (s.len < extra + 1)
            return 0;
        uint32_t got = first & (unsigned char)~forms[extra].mask;
        for (size_t i = 1; i <= extra; i++) {
            unsigned char byte = (unsigned char)s.at[i];
            if ((byte & 0xc0) != 0x80)
                return 0;
            got = got << 6 | (byte & 0x3f);
        }
        if (got < forms[extra].least || got > 0x10ffff || (got >= 0xd800 && got <= 0xdfff))
            return 0;
        if (rune)
            *rune = got;
        return extra + 1;
    }
    return 0;
}

/* Whether eight bytes are ASCII. */
static bool are_ascii(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return (word & 0x8080808080808080) == 0;
}

bool utf8_is_valid(struct slice s) {
    while (s.len) {
        if (s.len >= sizeof(uint64_t) && are_ascii(s.at)) {
            s = slice_from(s, sizeof(uint64_t));
            continue;
        }
        size_t step = (unsigned char)s.at[0] < 0x80 ? 1 : utf8_next(s, NULL);
        if (!step)
            return false;
        s = slice_from(s, step);
    }
    return true;
}

size_t utf8_count(struct slice s) {
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += ((unsigned char)s.at[i] & 0xc0) != 0x80;
    return count;
}

static void add_rune(struct buffer *out, uint32_t rune) {
    size_t extra = rune < 0x80 ? 0 : rune < 0x800 ? 1 : rune < 0x10000 ? 2 : 3;
    static const unsigned char leads[] = {0x00, 0xc0, 0xe0, 0xf0};
    buffer_add_byte(out, (char)(leads[extra] | rune >> 6 * extra));
    while (extra--)
        buffer_add_byte(out, (char)(0x80 | (rune >> 6 * extra & 0x3f)));
}

struct slice utf8_first(struct slice text, size_t len) {
    if (text.len <= len)
        return text;
    while (len && ((unsigned char)text.at[len] & 0xc0) == 0x80)
        len--;
    return slice_first(text, len);
}

struct slice utf8_lower(struct arena *arena, struct slice text) {
    struct buffer out = buffer_in(arena);
    uint32_t rune;
    for (size_t step; (step = utf8_next(text, &rune)); text = slice_from(text, step))
        add_rune(&out, (uint32_t)towlower((wint_t)rune));
    return buffer_slice(&out);
}

bool utf8_is_control(uint32_t rune) {
    return rune < 0x20 || (rune >= 0x7f && rune < 0xa0) || rune == 0x61c || rune == 0x200e || rune == 0x200f ||
           (rune >= 0x2028 && rune <= 0x202e) || (rune >= 0x2066 && rune <= 0x2069);
}

static bool is_line_end(struct slice text) {
    return text.at[0] == '\n' || slice_starts(text, "\r\n");
}

bool utf8_has_controls(struct slice text, bool has_lines) {
    uint32_t rune;
    for (size_t step; (step = utf8_next(text, &rune)); text = slice_from(text, step))
        if (rune < 0xa0 && utf8_is_control(rune) && !(has_lines && is_line_end(text)))
            return true;
    return false;
}

void utf8_add_escaped(struct buffer *out, struct slice text, bool has_lines) {
    while (text.len) {
        uint32_t rune;
        size_t step = utf8_next(text, &rune);
        if (step && (!utf8_is_control(rune) || (rune == '\n' && has_lines)))
            buffer_add(out, (struct slice){text.at, step});
        else if (step && rune >= 0x80)
            buffer_printf(out, "\\u{%x}", (unsigned)rune);
        else
            buffer_printf(out, "\\x%02x", (unsigned)(unsigned char)text.at[0]);
        text = slice_from(text, step ? step : 1);
    }
}

static struct slice trim_line(struct slice line) {
    if (line.len && line.at[line.len - 1] == '\r')
        line.len--;
    return slice_trim(line);
}

struct slice utf8_tidy(struct arena *arena, struct slice text) {
    struct buffer tidy = buffer_in(arena);
    struct slice rest = text;
    while (slice_is_set(rest)) {
        struct slice line = trim_line(slice_cut(&rest, '\n'));
        if (line.len && tidy.len)
            buffer_add_byte(&tidy, '\n');
        buffer_add(&tidy, line);
    }
    return slice_is_set(text) ? buffer_slice(&tidy) : text;
}
