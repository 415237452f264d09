/* Where in the HTML a template's reader stands: a small part of the tokenizer of the HTML standard
 * (§13.2.5), enough to know whether a value that is printed here, escaped, stays a value. Used when
 * templates are loaded; nothing of it runs when a page is printed, but for url_is_safe. */
#ifndef PAGE_HTML_CONTEXT_H
#define PAGE_HTML_CONTEXT_H

#include "base/slice.h"

enum { HTML_WORD_MAX = 15 };

enum html_place {
    HTML_TEXT,
    HTML_RAW,      /* inside <script>, <style>, <title>, <textarea> …: up to the end tag */
    HTML_TAG_OPEN, /* behind "<" */
    HTML_MARKUP,   /* inside "<!…" or "<?…" */
    HTML_COMMENT,
    HTML_TAG_NAME,
    HTML_BEFORE_ATTRIBUTE, /* in a tag, behind a space */
    HTML_ATTRIBUTE,        /* in an attribute's name */
    HTML_AFTER_ATTRIBUTE,  /* behind an attribute's name and a space */
    HTML_BEFORE_VALUE,     /* behind "=" */
    HTML_UNQUOTED,
    HTML_SINGLE_QUOTED,
    HTML_DOUBLE_QUOTED,
    HTML_NEEDS_SPACE /* in a tag, where a space, "/" or ">" has to follow */
};

/* How far the URL of an href, src, action … is written: until it is settled, what follows could
 * still make a scheme ("javascript:") of it. */
enum html_url {
    HTML_URL_NONE,    /* not the value of such an attribute */
    HTML_URL_START,   /* nothing yet */
    HTML_URL_WORD,    /* letters that may turn out to be a scheme */
    HTML_URL_VALUE,   /* a value has been printed at the start */
    HTML_URL_SETTLED, /* behind the first / ? or # of a URL whose scheme is http, https or none */
    HTML_URL_OTHER    /* of another scheme, or nobody knows: no value may follow */
};

struct html_word {
    char at[HTML_WORD_MAX + 1]; /* lower case; cut at HTML_WORD_MAX */
    size_t len;
};

struct html_context {
    enum html_place place;
    enum html_url url;
    bool is_end_tag;
    size_t matched; /* HTML_RAW: bytes of "</name"; HTML_MARKUP, HTML_COMMENT: dashes */
    struct html_word tag, attribute, scheme;
};

/* All zero is the beginning of a document. */

/* Reads literal text. False when it is broken: then *problem says how and *offset where. */
bool html_read(struct html_context *context, struct slice text, const char **problem, size_t *offset);

/* May a value be printed here? NULL, or what is wrong. *is_url: only through url_is_safe. */
const char *html_value(struct html_context *context, bool *is_url);

/* A section may be printed never, once or many times: it has to leave the reader where it found it.
 * The caller keeps the context behind html_section_begin and gives it to html_section_end. */
const char *html_section_begin(struct html_context *context);
const char *html_section_end(struct html_context *context, const struct html_context *begin);

/* Neither a scheme but http and https, nor anything that a browser may take for one. */
bool url_is_safe(struct slice url);

#endif
