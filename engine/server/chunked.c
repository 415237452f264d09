#include "server/chunked.h"

#include <stdio.h>
#include <string.h>

enum { DIGITS_MAX = 16 };

static int hex_digit(unsigned char byte) {
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* RFC 9110 §5.6.2 */
static bool is_token(unsigned char byte) {
    bool is_letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
    return is_letter || (byte >= '0' && byte <= '9') || (byte && strchr("!#$%&'*+-.^_`|~", byte));
}

/* What may stand in a value: HTAB, SP, VCHAR, obs-text (RFC 9110 §5.5). */
static bool is_text(unsigned char byte) {
    return byte == '\t' || (byte >= ' ' && byte != 0x7f);
}

static bool is_blank(unsigned char byte) {
    return byte == ' ' || byte == '\t';
}

/* --- extensions: *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ) --- */

enum extension {
    BEFORE_SEMICOLON, /* blanks, and then nothing else */
    BEFORE_NAME,
    NAME,
    BEHIND_NAME, /* blanks, and then "=" or ";" */
    BEFORE_VALUE,
    TOKEN,
    QUOTED,
    QUOTED_PAIR,
    BEHIND_QUOTED,
};

/* Whether a line may end there. */
static bool extension_may_end(enum extension part) {
    return part == NAME || part == TOKEN || part == BEHIND_QUOTED;
}

/* The part that `byte` leads to from `part`; -1: none. */
static int extension_next(enum extension part, unsigned char byte) {
    switch (part) {
    case BEFORE_SEMICOLON:
        return byte == ';' ? BEFORE_NAME : is_blank(byte) ? BEFORE_SEMICOLON : -1;
    case BEFORE_NAME:
        return is_token(byte) ? NAME : is_blank(byte) ? BEFORE_NAME : -1;
    case NAME:
        if (is_token(byte))
            return NAME;
        /* fall through */
    case BEHIND_NAME:
        return byte == '=' ? BEFORE_VALUE : byte == ';' ? BEFORE_NAME : is_blank(byte) ? BEHIND_NAME : -1;
    case BEFORE_VALUE:
        return byte == '"' ? QUOTED : is_token(byte) ? TOKEN : is_blank(byte) ? BEFORE_VALUE : -1;
    case TOKEN:
        return is_token(byte) ? TOKEN : byte == ';' ? BEFORE_NAME : is_blank(byte) ? BEFORE_SEMICOLON : -1;
    case QUOTED:
        return byte == '"' ? BEHIND_QUOTED : byte == '\\' ? QUOTED_PAIR : is_text(byte) ? QUOTED : -1;
    case QUOTED_PAIR:
        return is_text(byte) ? QUOTED : -1;
    case BEHIND_QUOTED:
        return byte == ';' ? BEFORE_NAME : is_blank(byte) ? BEFORE_SEMICOLON : -1;
    }
    return -1;
}

/* --- bytes that are no data --- */

static enum chunked_state aside(struct chunked *chunked, enum chunked_state state) {
    return ++chunked->aside > CHUNKED_ASIDE_MAX ? CHUNKED_BROKEN : state;
}

static enum chunked_state size_next(struct chunked *chunked, unsigned char byte) {
    int digit = hex_digit(byte);
    if (digit >= 0 && chunked->digits < DIGITS_MAX) {
        chunked->digits++;
        chunked->left = chunked->left << 4 | (unsigned)digit;
        return CHUNKED_SIZE;
    }
    if (digit >= 0 || chunked->digits == 0)
        return CHUNKED_BROKEN;
    if (byte == '\r')
        return CHUNKED_SIZE_END;
    int part = extension_next(BEFORE_SEMICOLON, byte);
    chunked->extension = (unsigned)part;
    return part < 0 ? CHUNKED_BROKEN : aside(chunked, CHUNKED_EXTENSION);
}

static enum chunked_state line_next(struct chunked *chunked, unsigned char byte) {
    if (byte == '\r')
        return extension_may_end(chunked->extension) ? CHUNKED_SIZE_END : CHUNKED_BROKEN;
    int part = extension_next(chunked->extension, byte);
    chunked->extension = (unsigned)part;
    return part < 0 ? CHUNKED_BROKEN : aside(chunked, CHUNKED_EXTENSION);
}

static enum chunked_state trailer_next(struct chunked *chunked, unsigned char byte) {
    switch (chunked->state) {
    case CHUNKED_TRAILER:
        return byte == '\r' ? CHUNKED_LAST_LF : is_token(byte) ? aside(chunked, CHUNKED_TRAILER_NAME) : CHUNKED_BROKEN;
    case CHUNKED_TRAILER_NAME:
        return is_token(byte) ? aside(chunked, CHUNKED_TRAILER_NAME)
               : byte == ':'  ? aside(chunked, CHUNKED_TRAILER_VALUE)
                              : CHUNKED_BROKEN;
    case CHUNKED_TRAILER_VALUE:
        return byte == '\r'    ? CHUNKED_TRAILER_END
               : is_text(byte) ? aside(chunked, CHUNKED_TRAILER_VALUE)
                               : CHUNKED_BROKEN;
    case CHUNKED_TRAILER_END:
        return byte == '\n' ? aside(chunked, CHUNKED_TRAILER) : CHUNKED_BROKEN;
    default:
        return byte == '\n' ? CHUNKED_DONE : CHUNKED_BROKEN;
    }
}

static enum chunked_state next(struct chunked *chunked, unsigned char byte) {
    switch (chunked->state) {
    case CHUNKED_SIZE:
        return size_next(chunked, byte);
    case CHUNKED_EXTENSION:
        return line_next(chunked, byte);
    case CHUNKED_SIZE_END:
        return byte != '\n' ? CHUNKED_BROKEN : chunked->left ? CHUNKED_DATA : CHUNKED_TRAILER;
    case CHUNKED_DATA_CR:
        return byte == '\r' ? CHUNKED_DATA_LF : CHUNKED_BROKEN;
    case CHUNKED_DATA_LF:
        return byte == '\n' ? CHUNKED_SIZE : CHUNKED_BROKEN;
    default:
        return trailer_next(chunked, byte);
    }
}

/* A line is written when it is known to be sound: the last one ("0" and the empty line) behind the trailers. */
static size_t written(struct chunked *chunked, enum chunked_state before, char *to) {
    char line[DIGITS_MAX + 3] = "";
    if (chunked->state == CHUNKED_DATA) {
        snprintf(line, sizeof(line), "%llx\r\n", (unsigned long long)chunked->left);
        chunked->digits = 0;
    } else if (chunked->state == CHUNKED_SIZE && before == CHUNKED_DATA_LF) {
        memcpy(line, "\r\n", 3);
    } else if (chunked->state == CHUNKED_DONE) {
        memcpy(line, "0\r\n\r\n", 6);
    } else if (chunked->state == CHUNKED_BROKEN) {
        memcpy(line, "x", 2); /* a reader expects a size, or the line's end behind the data */
    }
    size_t len = strlen(line);
    memcpy(to, line, len);
    return len;
}

size_t chunked_read(struct chunked *chunked, const char *from, size_t len, char *to, size_t *taken) {
    const char *at = from, *end = from + len;
    char *out = to;
    while (at < end && chunked->state != CHUNKED_DONE && chunked->state != CHUNKED_BROKEN) {
        if (chunked->state == CHUNKED_DATA) {
            size_t here = (size_t)(end - at);
            size_t size = chunked->left < here ? (size_t)chunked->left : here;
            memmove(out, at, size);
            out += size;
            at += size;
            chunked->left -= size;
            chunked->state = chunked->left ? CHUNKED_DATA : CHUNKED_DATA_CR;
        } else {
            enum chunked_state before = chunked->state;
            chunked->state = next(chunked, (unsigned char)*at++);
            out += written(chunked, before, out);
        }
    }
    *taken = chunked->state == CHUNKED_BROKEN ? len : (size_t)(at - from);
    return (size_t)(out - to);
}
