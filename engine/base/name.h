/* Names that people tell apart by eye: of apps and of users (contract §5). What Unicode says of them (UAX 15, UTS 39)
 * is ICU's, whose tables are opened by the first name that is looked at. Bytes that are no UTF-8 are no name's. */
#ifndef BASE_NAME_H
#define BASE_NAME_H

#include "base/arena.h"

enum { NAME_MAX_CHARACTERS = 64 };

/* In normal form KC: what is composed, full-width or a ligature becomes the usual letters, and may become more or
 * fewer. A text of more than NAME_MAX_CHARACTERS stays as it is: it is no name. */
struct slice name_normal(struct arena *arena, struct slice text);

enum name_fault {
    NAME_GOOD,
    NAME_CHARACTERS, /* something that is no letter, digit, mark of a letter, or one of the marks that are allowed; or a
                        letter that nobody's names have (UTS 39 §3.1): phonetic, a small capital, in a box */
    NAME_SPACES,     /* at an end, or two in a row */
    NAME_EMPTY,      /* without any letter or digit */
    NAME_SCRIPTS,    /* a word mixes scripts more than people do (UTS 39, beyond highly restrictive), or hides marks */
};
/* Of a normal name. `marks`: the ASCII characters besides letters and digits that it may have. What cannot be seen
 * (UAX 44, Default_Ignorable_Code_Point) is not allowed, and neither is a combining mark without its letter. */
enum name_fault name_check(struct slice name, const char *marks);

/* Two names with the same look cannot be told apart (UTS 39 §4: skeletons), regardless of case; a capital I looks like
 * an l. A newer ICU may give a few names another look than an older one (sql/README.md). */
struct slice name_look(struct arena *arena, struct slice name);

/* The look of its letters and digits alone: "Pay-pal." looks like "Paypal". */
struct slice name_look_of_words(struct arena *arena, struct slice name);

/* The look of a name whose ASCII characters everybody is trusted to tell apart: it says only what those of other
 * alphabets look like. "arne" and "ame" are two people. */
struct slice name_look_beside_ascii(struct arena *arena, struct slice name);

/* Whether the words of `brand` stand in the name, as they look, however they are separated. One of less than four
 * characters must be words of the name by itself. */
bool name_resembles(struct arena *arena, struct slice name, struct slice brand);

/* What somebody calls a thing of their own (a key, a passkey), which nobody else reads: any text without controls
 * (utf8_is_control) in which something can be seen, or none at all. */
bool label_is_valid(struct slice label);

#endif
