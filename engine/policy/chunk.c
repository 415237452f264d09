#include "policy/chunk.h"

#include <lauxlib.h>

/* Reads as LuaJIT's own lexer does (lj_lex.c), as far as it matters for where a number begins and ends. */
struct scan {
    const char *at, *end;
    int line;
};

static char peek(const struct scan *scan, size_t ahead) {
    return (size_t)(scan->end - scan->at) > ahead ? scan->at[ahead] : '\0';
}

static bool is_eol(char c) {
    return c == '\n' || c == '\r';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Every byte over 127 counts as a letter. */
static bool is_ident(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

/* One character, or one end of a line: \n, \r, \r\n or \n\r. */
static void step(struct scan *scan) {
    char c = *scan->at++;
    if (!is_eol(c))
        return;
    scan->line++;
    if (scan->at < scan->end && is_eol(*scan->at) && *scan->at != c)
        scan->at++;
}

static void line_skip(struct scan *scan) {
    while (scan->at < scan->end && !is_eol(*scan->at))
        scan->at++;
}

/* "[[", "[=[", …: how many "=" stand between; -1 when it is no such bracket. `bracket` is "[" or "]". */
static int long_bracket(const struct scan *scan, char bracket) {
    size_t count = 0;
    if (peek(scan, 0) != bracket)
        return -1;
    while (peek(scan, count + 1) == '=')
        count++;
    return peek(scan, count + 1) == bracket ? (int)count : -1;
}

static void long_skip(struct scan *scan, int level) {
    scan->at += level + 2;
    while (scan->at < scan->end && long_bracket(scan, ']') != level)
        step(scan);
    if (scan->at < scan->end)
        scan->at += level + 2;
}

static void text_skip(struct scan *scan) {
    char quote = *scan->at++;
    while (scan->at < scan->end && *scan->at != quote) {
        if (*scan->at == '\\')
            scan->at++;
        if (scan->at < scan->end)
            step(scan);
    }
    if (scan->at < scan->end)
        scan->at++;
}

static void comment_skip(struct scan *scan) {
    scan->at += 2;
    int level = long_bracket(scan, '[');
    if (level >= 0)
        long_skip(scan, level);
    else
        line_skip(scan);
}

/* From its first digit. True when it is of an FFI type: only those end in a letter L, U (LL, ULL, and LLU) or i. */
static bool number_skip(struct scan *scan) {
    bool is_hex = scan->at[0] == '0' && (peek(scan, 1) | 0x20) == 'x';
    char last = '\0';
    while (scan->at < scan->end) {
        char c = *scan->at;
        bool is_exponent_sign = (c == '+' || c == '-') && (last | 0x20) == (is_hex ? 'p' : 'e');
        if (!is_ident(c) && c != '.' && !is_exponent_sign)
            break;
        last = c;
        scan->at++;
    }
    last |= 0x20;
    return last == 'l' || last == 'u' || last == 'i';
}

int chunk_ffi_literal_line(struct slice text) {
    struct scan scan = {text.at, text.at + text.len, 1};
    if (slice_starts(text, "\xef\xbb\xbf"))
        scan.at += 3;
    if (peek(&scan, 0) == '#')
        line_skip(&scan);
    while (scan.at < scan.end) {
        char c = *scan.at;
        if (is_digit(c)) { /* ".5" comes here with its 5 */
            if (number_skip(&scan))
                return scan.line;
        } else if (is_ident(c)) {
            while (scan.at < scan.end && is_ident(*scan.at))
                scan.at++;
        } else if (c == '-' && peek(&scan, 1) == '-') {
            comment_skip(&scan);
        } else if (c == '[' && long_bracket(&scan, '[') >= 0) {
            long_skip(&scan, long_bracket(&scan, '['));
        } else if (c == '"' || c == '\'') {
            text_skip(&scan);
        } else {
            step(&scan);
        }
    }
    return 0;
}

void chunk_load(lua_State *L, struct slice text, const char *chunk) {
    int line = chunk_ffi_literal_line(text);
    if (line)
        luaL_error(L, "%s:%d: a number with LL, ULL or i is not allowed here", chunk + 1, line);
    if (luaL_loadbufferx(L, text.at, text.len, chunk, "t") != 0)
        lua_error(L);
}
