/* The Cookie header (RFC 6265 §5.4): the first line of the input is the name, the rest the header. */
#include "fuzz.h"

#include "server/request.h"

static void fuzz(struct arena *arena, struct slice input) {
    struct slice header = input;
    struct slice name = slice_cut(&header, '\n');
    if (!slice_is_set(header) || memchr(name.at, '\0', name.len))
        return;
    struct slice found = cookie_get(header, arena_string(arena, name));
    if (!slice_is_set(found))
        return;
    FUZZ_CHECK(fuzz_is_inside(found, header));
    FUZZ_CHECK(slice_find(found, ';') == found.len);
    /* "name=" stands before it, and nowhere else: with a second one there is no answer. */
    FUZZ_CHECK(found.at - header.at > (ptrdiff_t)name.len && found.at[-1] == '=' &&
               memcmp(found.at - 1 - name.len, name.at, name.len) == 0);
    struct slice twice = arena_printf(arena, "%.*s; %.*s=x", SLICE_ARG(header), SLICE_ARG(name));
    if (!memchr(header.at, '\0', header.len))
        FUZZ_CHECK(!slice_is_set(cookie_get(twice, arena_string(arena, name))));
}
