/* Pages from templates/. A template is HTML with mustache tags, every value escaped:
 *   {{name}} {{map.name}} {{.}}   the value, escaped for HTML; there is no way to print it raw
 *   {{#name}}…{{/name}}           for each item of a list, for a map (which becomes the context), or when true
 *   {{^name}}…{{/name}}           when missing, false, null, empty text or empty list
 *   {{>name}}                     another template
 *   {{<layout}}…{{/layout}}       this text inside the layout's {{$body}}
 *   {{! comment }}
 * A value of an attribute always stands in double quotes; the loader refuses a tag inside an
 * unquoted attribute, a <script> or a <style>. */
#ifndef PAGE_PAGE_H
#define PAGE_PAGE_H

#include "base/buffer.h"
#include "base/value.h"

struct pages; /* a loaded set; immutable, shared by all workers */

/* Loads every *.html of the directory and every file of its assets/. NULL with *error
 * ("file:line: what") when one is broken, or one that the server needs is missing. */
struct pages *pages_open(struct arena *arena, const char *directory, struct slice *error);
void pages_close(struct pages *pages);

/* The page named `name` (without .html) with that context. Never fails: a name that the context
 * lacks prints nothing, nesting is bounded when the set is loaded. Needs little stack. */
struct slice page_render(const struct pages *pages, struct arena *arena, const char *name, const struct value *context);

/* A file of assets/: bytes and media type, and a version to put in its URL. False when there is none. */
struct asset {
    struct slice bytes;
    const char *media_type;
    struct slice version; /* 12 hex digits of its hash */
};
bool pages_asset(const struct pages *pages, struct slice name, struct asset *asset);

#endif
