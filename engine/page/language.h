/* The languages of the pages. What templates, policies and errors say is English; a language is a table from English
 * to its own words, templates/texts/<tag>.lua (RFC 5646). What a table lacks stays English. */
#ifndef PAGE_LANGUAGE_H
#define PAGE_LANGUAGE_H

#include "page/page_files.h"

struct language;
struct languages; /* immutable, in the arena that they were made in */

/* From files *.lua, each a table of texts; of two for one language the later is laid over the earlier. English is there
 * in any case. NULL with *error "file:line: what". */
struct languages *languages_read(struct arena *arena, const struct page_file *files, size_t count, struct slice *error);

/* The one that an Accept-Language header wants most (RFC 9110 §12.5.4); English when it wants none that is there. Each
 * range is looked at once; the header has the bounds of request.h. */
const struct language *language_choose(const struct languages *languages, struct slice accept_language);

size_t language_count(const struct languages *languages);
const struct language *language_at(const struct languages *languages, size_t index);
struct slice language_tag(const struct language *language);

/* In that language; the English itself where it has no other words, or `language` is NULL. */
struct slice language_phrase(const struct language *language, struct slice english);

#endif
