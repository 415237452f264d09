#include "page/html_context.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

/* Elements whose content is no markup; a value may stand in those where entities are decoded. */
static const char *const raw_elements[] = {"title",  "textarea", "script",   "style",    "xmp",
                                           "iframe", "noembed",  "noframes", "plaintext"};
static const char *const value_elements[] = {"title", "textarea"};

static const char *const url_attributes[] = {"href",       "src",  "action",     "formaction", "poster",   "cite",
                                             "background", "data", "xlink:href", "manifest",   "longdesc", "ping"};
/* Their values are a language of their own: escaping for HTML does not make a value safe there. */
static const char *const refused_attributes[] = {"style", "srcdoc", "srcset", "imagesrcset"};

static bool word_in(const struct html_word *word, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(word->at, list[i]) == 0)
            return true;
    return false;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_letter(char c) {
    return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}

static void word_add(struct html_word *word, char c) {
    if (word->len < HTML_WORD_MAX)
        word->at[word->len++] = lower(c);
    word->at[word->len] = '\0';
}

static void word_start(struct html_word *word, char c) {
    word->len = 0;
    word_add(word, c);
}

static void url_read(struct html_context *context, char c) {
    if (context->url == HTML_URL_NONE || context->url == HTML_URL_SETTLED || context->url == HTML_URL_OTHER)
        return;
    if (context->url == HTML_URL_START) {
        context->url = HTML_URL_WORD;
        context->scheme = (struct html_word){.len = 0};
    }
    bool is_http = context->url == HTML_URL_WORD &&
                   (strcmp(context->scheme.at, "http") == 0 || strcmp(context->scheme.at, "https") == 0);
    if (c == '/' || c == '?' || c == '#')
        context->url = HTML_URL_SETTLED;
    else if (c == ':')
        context->url = is_http ? HTML_URL_SETTLED : HTML_URL_OTHER;
    else if (c == '&') /* "&colon;" */
        context->url = HTML_URL_OTHER;
    else
        word_add(&context->scheme, c);
}

static const char *read_in_tag(struct html_context *context, char c) {
    switch (context->place) {
    case HTML_TAG_NAME:
        if (!is_space(c) && c != '/') {
            word_add(&context->tag, c);
            return NULL;
        }
        break;
    case HTML_NEEDS_SPACE:
        if (!is_space(c) && c != '/')
            return "a space is missing between attributes";
        break;
    case HTML_ATTRIBUTE:
    case HTML_AFTER_ATTRIBUTE:
        if (c == '=') {
            context->place = HTML_BEFORE_VALUE;
            return NULL;
        }
        if (is_space(c)) {
            context->place = HTML_AFTER_ATTRIBUTE;
            return NULL;
        }
        break;
    default:
        break;
    }
    if (is_space(c) || c == '/') {
        context->place = HTML_BEFORE_ATTRIBUTE;
        return NULL;
    }
    if (c == '"' || c == '\'' || c == '<' || c == '=')
        return "not the name of an attribute (is a quote or > missing before it?)";
    if (context->place == HTML_ATTRIBUTE)
        word_add(&context->attribute, c);
    else
        word_start(&context->attribute, c);
    context->place = HTML_ATTRIBUTE;
    return NULL;
}

static void tag_ends(struct html_context *context) {
    bool is_raw = !context->is_end_tag && word_in(&context->tag, raw_elements, COUNT(raw_elements));
    context->place = is_raw ? HTML_RAW : HTML_TEXT;
    context->matched = 0;
}

static void value_starts(struct html_context *context, enum html_place place) {
    context->place = place;
    context->url = word_in(&context->attribute, url_attributes, COUNT(url_attributes)) ? HTML_URL_START : HTML_URL_NONE;
}

static void read_raw(struct html_context *context, char c) {
    size_t matched = context->matched;
    if (matched == context->tag.len + 2) {
        context->matched = 0;
        if (is_space(c) || c == '/' || c == '>') {
            context->is_end_tag = true;
            context->place = HTML_BEFORE_ATTRIBUTE;
            if (c == '>')
                tag_ends(context);
            return;
        }
    }
    char wanted = matched == 0 ? '<' : matched == 1 ? '/' : context->tag.at[matched - 2];
    if (matched < context->tag.len + 2 && lower(c) == wanted)
        context->matched++;
    else
        context->matched = c == '<';
}

static void read_markup(struct html_context *context, char c) {
    bool is_comment = context->place == HTML_COMMENT;
    if (c == '>' && (!is_comment || context->matched >= 2)) {
        context->place = HTML_TEXT;
        return;
    }
    if (is_comment) {
        context->matched = c == '-' ? context->matched + 1 : 0;
        return;
    }
    /* matched counts what follows "<!": two dashes at once make a comment, and may end it ("<!-->") */
    if (c == '-' && context->matched < 2) {
        if (++context->matched == 2)
            context->place = HTML_COMMENT;
    } else {
        context->matched = 3;
    }
}

static void read_tag_open(struct html_context *context, char c) {
    if (c == '!' || c == '?') {
        context->place = HTML_MARKUP;
        context->matched = c == '!' ? 0 : 3;
    } else if (c == '/' && !context->is_end_tag) {
        context->is_end_tag = true;
    } else if (is_letter(c)) {
        word_start(&context->tag, c);
        context->place = HTML_TAG_NAME;
    } else if (context->is_end_tag) { /* "</ …>" is a comment to browsers */
        context->place = c == '>' ? HTML_TEXT : HTML_MARKUP;
        context->matched = 3;
    } else {
        context->place = HTML_TEXT;
        if (c == '<')
            context->place = HTML_TAG_OPEN;
    }
}

static const char *read_byte(struct html_context *context, char c) {
    switch (context->place) {
    case HTML_TEXT:
        if (c == '<') {
            context->place = HTML_TAG_OPEN;
            context->is_end_tag = false;
        }
        return NULL;
    case HTML_RAW:
        read_raw(context, c);
        return NULL;
    case HTML_TAG_OPEN:
        read_tag_open(context, c);
        return NULL;
    case HTML_MARKUP:
    case HTML_COMMENT:
        read_markup(context, c);
        return NULL;
    case HTML_BEFORE_VALUE:
        if (c == '"')
            value_starts(context, HTML_DOUBLE_QUOTED);
        else if (c == '\'')
            value_starts(context, HTML_SINGLE_QUOTED);
        else if (c == '>')
            tag_ends(context);
        else if (!is_space(c))
            context->place = HTML_UNQUOTED;
        return NULL;
    case HTML_UNQUOTED:
        if (is_space(c))
            context->place = HTML_BEFORE_ATTRIBUTE;
        else if (c == '>')
            tag_ends(context);
        return NULL;
    case HTML_SINGLE_QUOTED:
    case HTML_DOUBLE_QUOTED:
        if (c == (context->place == HTML_DOUBLE_QUOTED ? '"' : '\''))
            context->place = HTML_NEEDS_SPACE;
        else
            url_read(context, c);
        return NULL;
    default:
        if (c == '>') {
            tag_ends(context);
            return NULL;
        }
        return read_in_tag(context, c);
    }
}

bool html_read(struct html_context *context, struct slice text, const char **problem, size_t *offset) {
    for (size_t i = 0; i < text.len; i++) {
        *problem = read_byte(context, text.at[i]);
        *offset = i;
        if (*problem)
            return false;
    }
    return true;
}

static const char *value_in_attribute(struct html_context *context, bool *is_url) {
    const struct html_word *name = &context->attribute;
    if (strncmp(name->at, "on", 2) == 0 || word_in(name, refused_attributes, COUNT(refused_attributes)))
        return "no value may stand in an attribute that is a script, a style or a document";
    if (context->url == HTML_URL_WORD)
        return "a value may stand at the start of a URL or behind its first / ? or #, not in between";
    if (context->url == HTML_URL_VALUE)
        return "between two values in a URL there has to be a / ? or #";
    if (context->url == HTML_URL_OTHER)
        return "no value may stand in a URL of another scheme than http and https";
    *is_url = context->url == HTML_URL_START;
    if (*is_url)
        context->url = HTML_URL_VALUE;
    return NULL;
}

const char *html_value(struct html_context *context, bool *is_url) {
    *is_url = false;
    switch (context->place) {
    case HTML_TEXT:
        return NULL;
    case HTML_RAW:
        if (context->matched || !word_in(&context->tag, value_elements, COUNT(value_elements)))
            return "no value may stand inside a <script>, a <style> or their like";
        return NULL;
    case HTML_DOUBLE_QUOTED:
        return value_in_attribute(context, is_url);
    case HTML_BEFORE_VALUE:
    case HTML_UNQUOTED:
    case HTML_SINGLE_QUOTED:
        return "the value of an attribute has to stand in double quotes";
    case HTML_COMMENT:
    case HTML_MARKUP:
        return "no value may stand inside an HTML comment; {{! comment }} is one";
    default:
        return "a value may stand in text or in an attribute's double quotes, not elsewhere in a tag";
    }
}

const char *html_section_begin(struct html_context *context) {
    switch (context->place) {
    case HTML_TEXT:
    case HTML_BEFORE_ATTRIBUTE:
    case HTML_NEEDS_SPACE:
        return NULL;
    case HTML_TAG_NAME:
    case HTML_ATTRIBUTE: /* what the section adds must not become part of this name */
        context->place = HTML_NEEDS_SPACE;
        return NULL;
    case HTML_AFTER_ATTRIBUTE:
        context->place = HTML_BEFORE_ATTRIBUTE;
        return NULL;
    case HTML_DOUBLE_QUOTED:
        if (context->url == HTML_URL_NONE || context->url == HTML_URL_SETTLED)
            return NULL;
        return "a section in a URL may stand behind its first / ? or # only";
    case HTML_RAW:
        if (context->matched == 0 && word_in(&context->tag, value_elements, COUNT(value_elements)))
            return NULL;
        return "no section may stand inside a <script>, a <style> or their like";
    default:
        return "no section may begin here in the HTML";
    }
}

static bool is_between_attributes(enum html_place place) {
    return place == HTML_BEFORE_ATTRIBUTE || place == HTML_NEEDS_SPACE;
}

const char *html_section_end(struct html_context *context, const struct html_context *begin) {
    static const char differs[] = "a section has to end where it began in the HTML (same tag, same quotes)";
    enum html_place begun = begin->place;
    bool same_tag = strcmp(context->tag.at, begin->tag.at) == 0 && context->is_end_tag == begin->is_end_tag;
    if (is_between_attributes(begun)) {
        if (context->place == HTML_AFTER_ATTRIBUTE)
            context->place = HTML_BEFORE_ATTRIBUTE;
        if (context->place == HTML_ATTRIBUTE) {
            if (begun == HTML_BEFORE_ATTRIBUTE)
                return "a section in a tag begins with a space, as in <input{{#on}} checked{{/on}}>";
            context->place = HTML_NEEDS_SPACE;
        }
        if (!is_between_attributes(context->place) || !same_tag)
            return differs;
        if (begun == HTML_NEEDS_SPACE) /* as if it had not been printed */
            context->place = HTML_NEEDS_SPACE;
        return NULL;
    }
    if (context->place != begun || (begun == HTML_RAW && (context->matched || !same_tag)))
        return differs;
    bool same_attribute = strcmp(context->attribute.at, begin->attribute.at) == 0;
    if (begun == HTML_DOUBLE_QUOTED && (!same_attribute || !same_tag || context->url != begin->url))
        return differs;
    return NULL;
}

bool url_is_safe(struct slice url) {
    for (size_t i = 0; i < url.len; i++) {
        if (url.at[i] == '/' || url.at[i] == '?' || url.at[i] == '#')
            return true;
        if (url.at[i] == ':') {
            struct slice scheme = {url.at, i};
            return slice_is_nocase(scheme, "http") || slice_is_nocase(scheme, "https");
        }
    }
    return true;
}
