#include "base/utf8.h"

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

bool utf8_is_valid(struct slice s) {
    while (s.len) {
        size_t step = utf8_next(s, NULL);
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
