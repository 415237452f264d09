/* Pages from templates/. A template is HTML with mustache tags, every value escaped:
 *   {{name}} {{map.name}} {{.}}   the value, escaped for HTML; there is no way to print it raw
 *   {{_Sign in}}          these words, in the language of the page; escaped
 *   {{~name}}             the value, in the language of the page where it has words for it; escaped
 *   {{#name}}…{{/name}}           for each item of a list, for a map (which becomes the context), or when true
 *   {{^name}}…{{/name}}           when missing, false, null, empty text or empty list
 *   {{>name}}                     another template
 *   {{<layout}}…{{/layout}}       this text inside the layout's {{$body}}
 *   {{! comment }}
 * A name that the innermost context lacks is looked up in those around it.
 *
 * The loader follows the HTML and refuses a value where escaping would not keep it one: outside of
 * double quotes in a tag, in a <script>, a <style> or a comment, in an attribute style, srcset or on….
 * A section has to end where it began in the HTML; inside a tag it begins with a space:
 * <input{{#checked}} checked{{/checked}}>.
 *
 * URLs: a value at the start of an href, src, action, formaction, poster, cite, data … is printed if
 * its scheme is http or https or it has none (a path, a query, a fragment); else "about:invalid" stands
 * there, so a javascript: URL never comes out. Further on, a value may stand behind the URL's first
 * / ? or # only. */
#ifndef PAGE_PAGE_H
#define PAGE_PAGE_H

#include "base/buffer.h"
#include "base/value.h"
#include "page/language.h"

struct pages; /* a loaded set; immutable, shared by all workers */

/* Whose pages they are. */
struct brand {
    struct slice name, logo;          /* logo: a URL; absent: the moon */
    struct slice accent, accent_dark; /* "#rrggbb", for light and dark; absent: the sheet's own */
};

struct pages_from {
    const char *shipped, *own; /* directories; a file of the second stands in for one of the first */
    struct brand brand;
};

/* Loads every *.html of the directories, every file of their assets/ and the languages in their texts/. The brand's
 * colours go to the end of style.css, and admin.css is served behind all of that, as one sheet. NULL with *error
 * ("file:line: what", in `arena`) when one is broken, or one that the server needs is missing (required_pages in
 * page.c). */
struct pages *pages_open(struct arena *arena, const struct pages_from *from, struct slice *error);
void pages_close(struct pages *pages);

const struct brand *pages_brand(const struct pages *pages);
const struct languages *pages_languages(const struct pages *pages);

/* The page named `name` (without .html) with that context. Never fails: a name that the context
 * lacks prints nothing, nesting is bounded when the set is loaded. Needs little stack. */
struct slice page_render(const struct pages *pages, struct arena *arena, const char *name, const struct value *context,
                         const struct language *language);

/* A file of assets/: bytes and media type, and a version to put in its URL. False when there is none. */
struct asset {
    struct slice bytes;
    const char *media_type;
    struct slice version; /* 12 hex digits of its hash */
};
bool pages_asset(const struct pages *pages, struct slice name, struct asset *asset);

#endif
