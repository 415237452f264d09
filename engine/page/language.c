#include "page/language.h"

#include "policy/data.h"

#include <stdlib.h>

struct phrase {
    struct slice english, words;
};

struct language {
    struct slice tag;       /* in lower case, as files are named */
    struct phrase *phrases; /* by their English */
    size_t count;
};

struct languages {
    struct language *list; /* English first */
    size_t count;
};

static int compare(struct slice a, struct slice b) {
    int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_english(const void *a, const void *b) {
    return compare(((const struct phrase *)a)->english, ((const struct phrase *)b)->english);
}

static bool broken(struct arena *arena, const struct page_file *file, const char *what, struct slice name,
                   struct slice *error) {
    *error = arena_printf(arena, "%.*s:1: %s%.*s", SLICE_ARG(file->path), what, SLICE_ARG(name));
    return false;
}

static struct phrase *phrase_find(const struct language *language, struct slice english) {
    const struct phrase wanted = {.english = english};
    if (!language->count)
        return NULL;
    return bsearch(&wanted, language->phrases, language->count, sizeof(*language->phrases), by_english);
}

/* Over what the language has already. */
static bool language_read(struct arena *arena, const struct page_file *file, struct language *language,
                          struct slice *error) {
    struct value *table = policy_data_read(arena, file->bytes, file->path, error);
    if (!table)
        return false;
    if (table->kind != VALUE_MAP && table->count)
        return broken(arena, file, "it must return a table from English to words", SLICE(""), error);
    struct phrase *phrases = arena_alloc(arena, (language->count + table->count + 1) * sizeof(*phrases));
    size_t count = language->count;
    if (count)
        memcpy(phrases, language->phrases, count * sizeof(*phrases));
    for (const struct value *one = table->first; one; one = one->next) {
        if (one->kind != VALUE_TEXT || !one->text.len)
            return broken(arena, file, "these words are no text: ", one->name, error);
        const struct phrase *known = phrase_find(language, one->name);
        phrases[known ? (size_t)(known - language->phrases) : count++] = (struct phrase){one->name, one->text};
    }
    qsort(phrases, count, sizeof(*phrases), by_english);
    language->phrases = phrases;
    language->count = count;
    return true;
}

static struct language *language_of(struct arena *arena, struct languages *languages, struct slice tag) {
    for (size_t i = 0; i < languages->count; i++)
        if (slice_equal(languages->list[i].tag, tag))
            return &languages->list[i];
    languages->list[languages->count].tag = arena_copy(arena, tag);
    return &languages->list[languages->count++];
}

struct languages *languages_read(struct arena *arena, const struct page_file *files, size_t count,
                                 struct slice *error) {
    struct languages *languages = arena_zalloc(arena, sizeof(*languages));
    languages->list = arena_zalloc(arena, (count + 1) * sizeof(*languages->list));
    languages->list[0].tag = SLICE("en");
    languages->count = 1;
    for (size_t i = 0; i < count; i++) {
        struct slice tag = {files[i].name.at, files[i].name.len - strlen(".lua")};
        if (!language_read(arena, &files[i], language_of(arena, languages, tag), error))
            return NULL;
    }
    return languages;
}

/* RFC 4647 §3.4: "de-AT" finds de-at, else de. */
static const struct language *find(const struct languages *languages, struct slice range) {
    for (;;) {
        for (size_t i = 0; i < languages->count; i++)
            if (slice_is_nocase(range, languages->list[i].tag.at))
                return &languages->list[i];
        size_t end = range.len;
        while (end && range.at[end - 1] != '-')
            end--;
        if (!end)
            return NULL;
        range.len = end - 1;
    }
}

/* "q=0.8" as thousandths; 1000 when there is none, 0 when it is malformed (RFC 9110 §12.4.2). */
static int quality_of(struct slice parameters) {
    struct slice q = slice_trim(parameters);
    if (!q.len)
        return 1000;
    if (q.len < 3 || (q.at[0] | 0x20) != 'q' || q.at[1] != '=' || (q.at[2] != '0' && q.at[2] != '1'))
        return 0;
    int quality = (q.at[2] - '0') * 1000, weight = 100;
    for (size_t i = 4; i < q.len && weight; i++, weight /= 10)
        quality += q.at[i] >= '0' && q.at[i] <= '9' ? (q.at[i] - '0') * weight : 0;
    return quality > 1000 ? 1000 : quality;
}

const struct language *language_choose(const struct languages *languages, struct slice accept_language) {
    const struct language *chosen = &languages->list[0];
    int best = 0;
    while (slice_is_set(accept_language)) {
        struct slice part = slice_cut(&accept_language, ','), range = slice_trim(slice_cut(&part, ';'));
        int quality = slice_is_set(part) ? quality_of(part) : 1000;
        const struct language *language = quality > best ? find(languages, range) : NULL;
        if (language) {
            chosen = language;
            best = quality;
        }
    }
    return chosen;
}

size_t language_count(const struct languages *languages) {
    return languages->count;
}

const struct language *language_at(const struct languages *languages, size_t index) {
    return &languages->list[index];
}

struct slice language_tag(const struct language *language) {
    return language ? language->tag : SLICE("en");
}

struct slice language_phrase(const struct language *language, struct slice english) {
    const struct phrase *found = language && english.len ? phrase_find(language, english) : NULL;
    return found ? found->words : english;
}
