#include "base/name.h"

#include "base/utf8.h"

#include <assert.h>
#include <pthread.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/uset.h>
#include <unicode/uspoof.h>
#include <unicode/ustring.h>

/* No character becomes more than 18 in normal form KC, nor in a skeleton. */
enum { GROWTH_MAX = 20, BRAND_WORD_LEN = 4 };

/* ICU's text: UTF-16 in an arena. */
struct utf16 {
    UChar *at;
    int32_t len, capacity;
};

static USpoofChecker *checker;

static void checker_open(void) {
    UErrorCode error = U_ZERO_ERROR;
    checker = uspoof_open(&error);
    uspoof_setRestrictionLevel(checker, USPOOF_HIGHLY_RESTRICTIVE);
    uspoof_setChecks(
        checker, USPOOF_RESTRICTION_LEVEL | USPOOF_INVISIBLE | USPOOF_HIDDEN_OVERLAY | USPOOF_MIXED_NUMBERS, &error);
    assert(U_SUCCESS(error)); /* its tables are in a library that the program is linked with */
}

/* Shared by all threads: nobody changes it. */
static const USpoofChecker *checker_get(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, checker_open);
    return checker;
}

static struct utf16 utf16_new(struct arena *arena, size_t capacity) {
    assert(capacity < INT32_MAX / GROWTH_MAX);
    return (struct utf16){arena_alloc(arena, capacity * sizeof(UChar)), 0, (int32_t)capacity};
}

static struct utf16 utf16_of(struct arena *arena, struct slice text) {
    UErrorCode error = U_ZERO_ERROR;
    struct utf16 made = utf16_new(arena, text.len + 1);
    u_strFromUTF8WithSub(made.at, made.capacity, &made.len, text.at, (int32_t)text.len, 0xfffd, NULL, &error);
    assert(U_SUCCESS(error));
    return made;
}

static struct slice utf8_of(struct arena *arena, struct utf16 text) {
    enum { BYTES_MAX = 3 /* of a unit */ };
    UErrorCode error = U_ZERO_ERROR;
    int32_t len, capacity = text.len * BYTES_MAX + 1;
    char *made = arena_alloc(arena, (size_t)capacity);
    u_strToUTF8(made, capacity, &len, text.at, text.len, &error);
    assert(U_SUCCESS(error));
    return (struct slice){made, (size_t)len};
}

static bool is_ascii(struct slice text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] >= 0x80)
            return false;
    return true;
}

static struct utf16 normal_of(struct arena *arena, struct utf16 text) {
    UErrorCode error = U_ZERO_ERROR;
    struct utf16 made = utf16_new(arena, (size_t)text.len * GROWTH_MAX + 1);
    made.len = unorm2_normalize(unorm2_getNFKCInstance(&error), text.at, text.len, made.at, made.capacity, &error);
    assert(U_SUCCESS(error));
    return made;
}

static struct utf16 skeleton_of(struct arena *arena, struct utf16 text) {
    UErrorCode error = U_ZERO_ERROR;
    struct utf16 made = utf16_new(arena, (size_t)text.len * GROWTH_MAX + 1);
    made.len = uspoof_getSkeleton(checker_get(), 0, text.at, text.len, made.at, made.capacity, &error);
    assert(U_SUCCESS(error));
    return made;
}

static struct utf16 folded_of(struct arena *arena, struct utf16 text) {
    UErrorCode error = U_ZERO_ERROR;
    struct utf16 made = utf16_new(arena, (size_t)text.len * GROWTH_MAX + 1);
    made.len = u_strFoldCase(made.at, made.capacity, text.at, text.len, U_FOLD_CASE_DEFAULT, &error);
    assert(U_SUCCESS(error));
    return made;
}

struct slice name_normal(struct arena *arena, struct slice text) {
    if (is_ascii(text) || utf8_count(text) > NAME_MAX_CHARACTERS)
        return text;
    return utf8_of(arena, normal_of(arena, utf16_of(arena, text)));
}

/* What people write names with (UTS 39 §3.1, General Security Profile), and the scripts of few people: no phonetic or
 * small capital letters, no letters in boxes, which look like others and have no skeleton. */
static bool is_of_names(UChar32 c) {
    UErrorCode error = U_ZERO_ERROR;
    const USet *recommended = uspoof_getRecommendedSet(&error);
    UScriptCode script = uscript_getScript(c, &error);
    return U_SUCCESS(error) && (U_GET_GC_MASK(c) & (U_GC_L_MASK | U_GC_ND_MASK | U_GC_NL_MASK)) &&
           (uset_contains(recommended, c) || uscript_getUsage(script) == USCRIPT_USAGE_LIMITED_USE);
}

enum kind { KIND_WORD, KIND_MARK_OF_LETTER, KIND_SPACE, KIND_OTHER_MARK, KIND_NONE };

static enum kind kind_of(uint32_t rune, const char *marks) {
    UChar32 c = (UChar32)rune;
    if (rune < 0x80 && rune && strchr(marks, (int)rune))
        return rune == ' ' ? KIND_SPACE : KIND_OTHER_MARK;
    if (u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT))
        return KIND_NONE;
    if (U_GET_GC_MASK(c) & (U_GC_MN_MASK | U_GC_MC_MASK))
        return KIND_MARK_OF_LETTER;
    return is_of_names(c) ? KIND_WORD : KIND_NONE;
}

/* The bytes at the front up to the next ASCII character that is no letter or digit. */
static struct slice word_cut(struct slice *rest, const char *marks) {
    struct slice word = {rest->at, 0};
    while (word.len < rest->len && !strchr(marks, rest->at[word.len]))
        word.len++;
    *rest = word.len < rest->len ? slice_from(*rest, word.len + 1) : SLICE_NONE;
    return word;
}

static bool scripts_are_usual(struct slice name, const char *marks) {
    UErrorCode error = U_ZERO_ERROR;
    while (slice_is_set(name)) {
        struct slice word = word_cut(&name, marks);
        if (!is_ascii(word) && uspoof_check2UTF8(checker_get(), word.at, (int32_t)word.len, NULL, &error))
            return false;
    }
    return U_SUCCESS(error);
}

enum name_fault name_check(struct slice name, const char *marks) {
    enum kind before = KIND_SPACE;
    bool has_word = false, has_bad_spaces = false;
    uint32_t rune;
    for (struct slice rest = name; rest.len;) {
        size_t step = utf8_next(rest, &rune);
        enum kind kind = step ? kind_of(rune, marks) : KIND_NONE;
        if (kind == KIND_NONE || (kind == KIND_MARK_OF_LETTER && before != KIND_WORD && before != KIND_MARK_OF_LETTER))
            return NAME_CHARACTERS;
        has_word = has_word || kind == KIND_WORD;
        has_bad_spaces = has_bad_spaces || (kind == KIND_SPACE && before == KIND_SPACE);
        before = kind;
        rest = slice_from(rest, step);
    }
    if (!has_word)
        return NAME_EMPTY;
    if (has_bad_spaces || before == KIND_SPACE)
        return NAME_SPACES;
    return is_ascii(name) || scripts_are_usual(name, marks) ? NAME_GOOD : NAME_SCRIPTS;
}

/* The skeleton again behind the case: an M looks like itself, and its m like rn. */
struct slice name_look(struct arena *arena, struct slice name) {
    struct utf16 normal = normal_of(arena, utf16_of(arena, name));
    return utf8_of(arena, skeleton_of(arena, folded_of(arena, skeleton_of(arena, normal))));
}

struct slice name_look_beside_ascii(struct arena *arena, struct slice name) {
    struct buffer look = buffer_in(arena);
    for (struct slice rest = name_normal(arena, name), run; rest.len; rest = slice_from(rest, run.len)) {
        bool is_high = (unsigned char)rest.at[0] >= 0x80;
        run = (struct slice){rest.at, 1};
        while (run.len < rest.len && ((unsigned char)rest.at[run.len] >= 0x80) == is_high)
            run.len++;
        buffer_add(&look, is_high ? name_look(arena, run) : utf8_lower(arena, run));
    }
    return buffer_slice(&look);
}

/* Its words as they look, in a row: with a space around each, or with nothing between them. */
static struct slice words_of(struct arena *arena, struct slice look, const char *separator) {
    struct buffer words = buffer_in(arena);
    buffer_add_text(&words, separator);
    while (slice_is_set(look)) {
        struct slice word = word_cut(&look, " _-.,:;&+'!/()");
        buffer_add(&words, word);
        buffer_add_text(&words, word.len ? separator : "");
    }
    return buffer_slice(&words);
}

struct slice name_look_of_words(struct arena *arena, struct slice name) {
    return words_of(arena, name_look(arena, name), "");
}

bool name_resembles(struct arena *arena, struct slice name, struct slice brand) {
    const char *separator = utf8_count(brand) < BRAND_WORD_LEN ? " " : "";
    struct slice words = words_of(arena, name_look(arena, name), separator);
    struct slice sought = words_of(arena, name_look(arena, brand), separator);
    return slice_trim(sought).len && memmem(words.at, words.len, sought.at, sought.len);
}

bool label_is_valid(struct slice label) {
    bool is_seen = label.len == 0;
    uint32_t rune;
    while (label.len) {
        size_t step = utf8_next(label, &rune);
        if (!step || utf8_is_control(rune))
            return false;
        is_seen = is_seen ||
                  (u_isgraph((UChar32)rune) && !u_hasBinaryProperty((UChar32)rune, UCHAR_DEFAULT_IGNORABLE_CODE_POINT));
        label = slice_from(label, step);
    }
    return is_seen;
}
