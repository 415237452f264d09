/* The inside of the page room: from a template's text to what is printed.
 *
 *   template_parse   one file  → a flat list of ops; tags are well formed and sections nest
 *   template_link    one page  → the same with its layout and partials put in, every value checked
 *                    against the place of the HTML where it stands
 *   template_render  one page and a context → HTML
 *
 * Only pages_open calls the first two; page_render calls the last, on a fiber. */
#ifndef PAGE_TEMPLATE_H
#define PAGE_TEMPLATE_H

#include "base/buffer.h"
#include "base/value.h"
#include "page/language.h"

enum {
    TEMPLATE_NAME_MAX = 64, /* bytes of a name in a tag */
    TEMPLATE_PHRASE_MAX = 400,
    TEMPLATE_DEPTH_MAX = 32,      /* sections inside sections, partials and layout included */
    TEMPLATE_INCLUDE_MAX = 8,     /* partials inside partials */
    TEMPLATE_OPS_MAX = 16384,     /* of a linked page */
    TEMPLATE_OUTPUT_MAX = 4 << 20 /* bytes that are printed before rendering stops */
};

enum op_kind {
    OP_TEXT,
    OP_VALUE,    /* printed, escaped for HTML */
    OP_URL,      /* the same at the start of a URL: only what url_is_safe lets through */
    OP_PHRASE,   /* the text, in the page's language */
    OP_PHRASED,  /* a value, in the page's language */
    OP_SECTION,  /* jump: its OP_END */
    OP_INVERTED, /* jump: its OP_END */
    OP_END,      /* jump: its OP_SECTION or OP_INVERTED */
    /* gone once linked: */
    OP_PARTIAL,
    OP_LAYOUT, /* jump: its OP_END */
    OP_BODY
};

struct op {
    enum op_kind kind;
    uint32_t jump;
    uint32_t line;
    struct slice text; /* OP_TEXT, OP_PHRASE: what is printed; else the name in the tag */
};

struct template {
    struct slice name, path; /* "login", "templates/login.html" */
    const struct op *ops;
    size_t count;
    bool is_included; /* a layout or a partial of another: not a page of its own */
};

struct program {
    struct op *ops;
    size_t count;
};

/* NULL with *error "path:line: what". The text must outlive the template. */
struct template *template_parse(struct arena *arena, struct slice name, struct slice path, struct slice text,
                                struct slice *error);

/* Marks every template that another one includes. */
void template_mark_included(struct template *const *set, size_t count);

bool template_link(struct arena *arena, struct template *const *set, size_t count, const struct template *page,
                   struct program *program, struct slice *error);

void template_render(const struct program *program, struct buffer *buffer, const struct value *context,
                     const struct language *language);

#endif
