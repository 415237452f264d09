/* Templates: what is printed, and what the loader refuses, with its line. */
#include "../../engine/page/template_render.c"

#include "../unit/unit.h"

#include "base/json.h"

#include <stdlib.h>

enum { SET_MAX = 16 };

static struct arena arena;
static struct slice error;

/* The set: page "main" with `text`, and the templates of `others` (name, text, …, NULL). */
static bool link_set(const char *text, const char *const *others, struct program *program) {
    struct template *set[SET_MAX];
    size_t count = 0;
    error = SLICE_NONE;
    set[count++] = template_parse(&arena, SLICE("main"), SLICE("main.html"), slice_of(text), &error);
    for (; others && others[0] && set[count - 1]; others += 2, count++) {
        struct slice path = arena_printf(&arena, "%s.html", others[0]);
        set[count] = template_parse(&arena, slice_of(others[0]), path, slice_of(others[1]), &error);
    }
    return set[count - 1] && template_link(&arena, set, count, set[0], program, &error);
}

static bool prints_with(const char *text, const char *const *others, const char *json, const char *expected) {
    struct program program;
    arena_free(&arena);
    if (!link_set(text, others, &program)) {
        printf("# %.*s\n", SLICE_ARG(error));
        return false;
    }
    struct buffer buffer = buffer_in(&arena);
    struct value *context = json_parse(&arena, slice_of(json), NULL);
    template_render(&program, &buffer, context, NULL);
    if (slice_is(buffer_slice(&buffer), expected))
        return true;
    printf("# printed: %.*s\n", SLICE_ARG(buffer_slice(&buffer)));
    return false;
}

static bool prints(const char *text, const char *json, const char *expected) {
    return prints_with(text, NULL, json, expected);
}

static bool refuses_with(const char *text, const char *const *others, const char *expected) {
    struct program program;
    arena_free(&arena);
    bool is_linked = link_set(text, others, &program);
    if (!is_linked && memmem(error.at, error.len, expected, strlen(expected)) == error.at)
        return true;
    printf("# said: %.*s\n", is_linked ? 2 : (int)error.len, is_linked ? "ok" : error.at);
    return false;
}

static bool refuses(const char *text, const char *expected) {
    return refuses_with(text, NULL, expected);
}

static void escapes_every_value(void) {
    CHECK(prints("{{x}}", "{\"x\":\"<b> & \\\"q\\\" 'a' `t`\"}",
                 "&lt;b&gt; &amp; &quot;q&quot; &#39;a&#39; &#96;t&#96;"));
    CHECK(prints("<i title=\"{{x}}\">", "{\"x\":\"\\\" onclick=\\\"x\"}", "<i title=\"&quot; onclick=&quot;x\">"));
    CHECK(
        prints("<title>{{x}}</title>", "{\"x\":\"</title><script>\"}", "<title>&lt;/title&gt;&lt;script&gt;</title>"));
    CHECK(prints("<textarea>{{x}}</textarea>", "{\"x\":\"</textarea>\"}", "<textarea>&lt;/textarea&gt;</textarea>"));
    CHECK(prints("{{#l}}{{.}}{{/l}}", "{\"l\":[\"<\",\">\"]}", "&lt;&gt;"));
    CHECK(prints("{{x}}", "{\"x\":\"{{y}}\",\"y\":\"no\"}", "{{y}}"));
}

static void prints_each_kind(void) {
    CHECK(prints("{{t}}|{{f}}|{{i}}|{{r}}|{{n}}|{{l}}|{{m}}|{{none}}|{{m.none}}|{{i.none}}",
                 "{\"t\":true,\"f\":false,\"i\":-42,\"r\":1.5,\"n\":null,\"l\":[1],\"m\":{}}",
                 "true|false|-42|1.5||||||"));
    CHECK(prints("{{a.b.c}} {{ a.b.c }}", "{\"a\":{\"b\":{\"c\":\"x\"}}}", "x x"));
    CHECK(prints("", "{}", ""));
    CHECK(prints("{ {} }} }", "{}", "{ {} }} }"));
    CHECK(prints("{{x}}{{#x}}{{.}}{{/x}}{{^x}}none{{/x}}", "[]", "none")); /* a context that is no map */
}

static void sections_follow_the_value(void) {
    const char *text = "{{#x}}+{{/x}}{{^x}}-{{/x}}";
    CHECK(prints(text, "{}", "-") && prints(text, "{\"x\":null}", "-") && prints(text, "{\"x\":false}", "-"));
    CHECK(prints(text, "{\"x\":\"\"}", "-") && prints(text, "{\"x\":[]}", "-"));
    CHECK(prints(text, "{\"x\":true}", "+") && prints(text, "{\"x\":\"a\"}", "+") && prints(text, "{\"x\":0}", "+"));
    CHECK(prints(text, "{\"x\":{}}", "+") && prints(text, "{\"x\":[1,2]}", "++"));
    CHECK(prints("{{#a}}{{b}}{{c}}{{/a}}", "{\"a\":{\"b\":1},\"c\":2}", "12"));
    CHECK(prints("{{#a}}{{b}}{{/a}}", "{\"a\":{\"b\":null},\"b\":2}", "")); /* null is there: not looked up further */
    CHECK(prints("{{#a.b}}{{c}}{{/a.b}}", "{\"a\":{\"b\":[{\"c\":1},{\"c\":2}]}}", "12"));
    CHECK(prints("{{#l}}{{#l}}{{.}}{{/l}};{{/l}}", "{\"l\":[1,2]}", "12;12;"));
    CHECK(prints("{{#l}}{{^.}}e{{/.}}{{#.}}[{{.}}]{{/.}}{{/l}}", "{\"l\":[[1,2],[],[3]]}", "[1][2]e[3]"));
    CHECK(prints("{{#l}}{{^no}}{{.}}{{/no}}{{/l}}", "{\"l\":[1,2]}", "12"));
}

static void tags_take_their_own_line(void) {
    CHECK(prints("a\n  {{#x}}  \nb\n{{/x}}\n{{! c\n c }}\r\nd", "{\"x\":[1,2]}", "a\nb\nb\nd"));
    CHECK(prints("a {{#x}}\nb{{/x}}\n", "{\"x\":1}", "a \nb\n"));
    CHECK(prints("{{x}}\n{{x}}\n", "{\"x\":1}", "1\n1\n"));
    CHECK(prints("{{!a}}{{x}}{{! b}}", "{\"x\":1}", "1"));
}

static void puts_pages_into_a_layout(void) {
    const char *const set[] = {"layout", "<title>{{t}}</title>\n{{$body}}\n</p>", "part", "[{{x}}]",
                               "outer",  "{{<layout}}\nO{{$body}}O\n{{/layout}}", NULL};
    CHECK(prints_with("{{<layout}}\n<p>{{>part}}\n{{/layout}}\n", set, "{\"t\":\"T\",\"x\":\"<\"}",
                      "<title>T</title>\n<p>[&lt;]\n</p>"));
    CHECK(prints_with("{{<outer}}-{{>part}}-{{/outer}}", set, "{\"t\":1,\"x\":2}", "<title>1</title>\nO-[2]-O\n</p>"));
    CHECK(prints_with("{{#l}}{{>part}}{{/l}}", set, "{\"l\":[{\"x\":1},{\"x\":2}]}", "[1][2]"));
    CHECK(prints_with("a{{$body}}b", set, "{}", "ab"));
    const char *const attribute[] = {"part", "{{x}}", NULL};
    CHECK(prints_with("<a title=\"{{>part}}\">", attribute, "{\"x\":\"\\\"\"}", "<a title=\"&quot;\">"));
    CHECK(refuses_with("<a title={{>part}}>", attribute, "part.html:1: the value of an attribute"));
}

static void keeps_other_schemes_out_of_urls(void) {
    const char *text = "<a href=\"{{x}}\">";
    static const char *const refused[] = {"javascript:alert(1)", "JavaScript:x",     " javascript:x", "java\\tscript:x",
                                          "\\u0001javascript:x", "data:text/html,x", "vbscript:x",    ":x",
                                          " https://a",          "ftp://a",          "httpss:x"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        char json[64];
        snprintf(json, sizeof(json), "{\"x\":\"%s\"}", refused[i]);
        CHECK(prints(text, json, "<a href=\"about:invalid\">"));
    }
    CHECK(prints(text, "{\"x\":\"https://a/?b=1&c=<\"}", "<a href=\"https://a/?b=1&amp;c=&lt;\">"));
    CHECK(prints(text, "{\"x\":\"HTTP://a\"}", "<a href=\"HTTP://a\">"));
    CHECK(prints(text, "{\"x\":\"/a:b\"}", "<a href=\"/a:b\">") &&
          prints(text, "{\"x\":\"?a:b\"}", "<a href=\"?a:b\">"));
    CHECK(prints(text, "{\"x\":\"#a:b\"}", "<a href=\"#a:b\">") && prints(text, "{\"x\":\"a\"}", "<a href=\"a\">"));
    CHECK(prints(text, "{}", "<a href=\"\">"));
    CHECK(prints("<IMG SRC = \"{{x}}\">", "{\"x\":\"data:x\"}", "<IMG SRC = \"about:invalid\">"));
    CHECK(prints("<a href=\"/a?b={{x}}&c={{x}}\">", "{\"x\":\"javascript:\"}",
                 "<a href=\"/a?b=javascript:&c=javascript:\">"));
    CHECK(prints("<a href=\"https://a.example/{{x}}\">", "{\"x\":\"y:z\"}", "<a href=\"https://a.example/y:z\">"));
    CHECK(prints("<a href=\"{{x}}/{{y}}\">", "{\"x\":\"/a\",\"y\":\"b:c\"}", "<a href=\"/a/b:c\">"));
    CHECK(prints("<a href=\"/a{{#x}}?b={{.}}{{/x}}\">", "{\"x\":\"c\"}", "<a href=\"/a?b=c\">"));
    CHECK(prints("<a title=\"{{x}}\">", "{\"x\":\"javascript:\"}", "<a title=\"javascript:\">"));
    CHECK(refuses("<a href=\"java{{x}}\">", "main.html:1: a value may stand at the start of a URL"));
    CHECK(refuses("<a href=\"{{x}}{{y}}\">", "main.html:1: between two values in a URL"));
    CHECK(refuses("<a href=\"{{x}}:{{y}}\">", "main.html:1: no value may stand in a URL of another scheme"));
    CHECK(refuses("<a href=\"javascript:f/{{x}}\">", "main.html:1: no value may stand in a URL of another scheme"));
    CHECK(refuses("<a href=\"javascript&#58;{{x}}\">", "main.html:1: no value may stand in a URL of another scheme"));
    CHECK(refuses("<a href=\"{{#x}}{{.}}{{/x}}\">", "main.html:1: a section in a URL"));
}

static void tells_what_is_broken_and_where(void) {
    CHECK(refuses("\n\n{{#a}}\n\n", "main.html:3: section is never closed: a"));
    CHECK(refuses("a\n{{/a}}", "main.html:2: closes what is not open: a"));
    CHECK(refuses("{{#a}}\n{{#b}}\n{{/a}}\n{{/b}}", "main.html:3: the open section is b, not: a"));
    CHECK(refuses("a\nb {{x\n}}", "main.html:2: {{ without }} on its line"));
    CHECK(refuses("a\n\n{{x", "main.html:3: {{ without }}"));
    CHECK(refuses("\n{{{x}}}", "main.html:2: every value is escaped"));
    CHECK(refuses("{{&x}}", "main.html:1: every value is escaped"));
    CHECK(refuses("{{=<% %>=}}", "main.html:1: the braces cannot be changed"));
    CHECK(refuses("{{}}", "main.html:1: not a name") && refuses("{{#}}{{/}}", "main.html:1: not a name"));
    CHECK(refuses("{{a b}}", "main.html:1: not a name") && refuses("{{a..b}}", "main.html:1: not a name"));
    CHECK(refuses("{{.a}}", "main.html:1: not a name") && refuses("{{a.}}", "main.html:1: not a name"));
    CHECK(refuses("{{>a.b}}", "main.html:1: not a name") && refuses("{{>../x}}", "main.html:1: not a name"));
    CHECK(refuses("{{$head}}", "main.html:1: a layout has {{$body}} only, not: head"));
    CHECK(refuses("a\n{{>no}}", "main.html:2: there is no such template: no"));
    CHECK(refuses("a\n{{<no}}{{/no}}", "main.html:2: there is no such template: no"));
    CHECK(refuses("a\n{{>main}}", "main.html:2: a template cannot include itself: main"));
    const char *const loop[] = {"a", "\n{{>b}}", "b", "{{>a}}", "bare", "x", NULL};
    CHECK(refuses_with("{{>a}}", loop, "b.html:1: a template cannot include itself: a"));
    CHECK(refuses_with("\n{{<bare}}x{{/bare}}", loop, "main.html:2: that layout has no {{$body}}"));
}

static void follows_the_html(void) {
    CHECK(refuses("\n<a href={{x}}>", "main.html:2: the value of an attribute has to stand in double quotes"));
    CHECK(refuses("<a href=a{{x}}>", "main.html:1: the value of an attribute"));
    CHECK(refuses("<a title='{{x}}'>", "main.html:1: the value of an attribute"));
    CHECK(refuses("<script>\nlet a = \"{{x}}\"</script>", "main.html:2: no value may stand inside a <script>"));
    CHECK(refuses("<style>\n{{x}}</style>", "main.html:2: no value may stand inside a <script>, a <style>"));
    CHECK(refuses("<SCRIPT src=\"/a\">{{#x}}{{/x}}</SCRIPT>", "main.html:1: no section may stand inside"));
    CHECK(refuses("<a onclick=\"{{x}}\">", "main.html:1: no value may stand in an attribute that is"));
    CHECK(refuses("<a style=\"color:{{x}}\">", "main.html:1: no value may stand in an attribute that is"));
    CHECK(refuses("<{{x}}>", "main.html:1: a value may stand in text") && refuses("<a {{x}}>", "main.html:1: a value"));
    CHECK(refuses("<!-- {{x}} -->", "main.html:1: no value may stand inside an HTML comment"));
    CHECK(refuses("<a title=\"x\">\n<b", "main.html:1: the page ends inside a tag"));
    CHECK(refuses("<p>\n<a title=\"x\"href=\"y\">", "main.html:2: a space is missing"));
    CHECK(refuses("<a title=\"{{#x}}\">{{/x}}", "main.html:1: a section has to end where it began"));
    CHECK(refuses("{{#x}}<a title=\"{{/x}}{{y}}\">", "main.html:1: a section has to end where it began"));
    CHECK(refuses("<a {{#x}}b{{/x}}>", "main.html:1: a section in a tag begins with a space"));
    CHECK(refuses("<a{{#x}}b{{/x}}>", "main.html:1: a space is missing"));
    CHECK(refuses("<a{{#x}} hr{{/x}}ef=\"{{y}}\">", "main.html:1: a space is missing"));
    CHECK(refuses("<a{{#x}}><b {{/x}} title=\"{{y}}\">", "main.html:1: a section has to end where it began"));
    CHECK(prints("<input{{#x}} checked{{/x}}>", "{\"x\":true}", "<input checked>"));
    CHECK(
        prints("<input {{#x}}name=\"{{x}}\"{{/x}} value=\"{{x}}\"/>", "{\"x\":1}", "<input name=\"1\" value=\"1\"/>"));
    CHECK(prints("<i class=\"a{{#x}} b{{/x}}\">", "{\"x\":true}", "<i class=\"a b\">"));
    CHECK(prints("<!doctype html><!-- > <a --><p>1 < 2 {{x}}</p>", "{\"x\":3}",
                 "<!doctype html><!-- > <a --><p>1 < 2 3</p>"));
    CHECK(prints("<script>if (a</b>c) '</scriptx>'</script >{{x}}", "{\"x\":1}",
                 "<script>if (a</b>c) '</scriptx>'</script >1"));
    CHECK(prints("<style>a>b{}</style><input value=x disabled >{{x}}", "{\"x\":1}",
                 "<style>a>b{}</style><input value=x disabled >1"));
}

static struct slice repeated(const char *text, int times, const char *middle, const char *end) {
    struct buffer buffer = buffer_in(&arena);
    for (int i = 0; i < times; i++)
        buffer_add_text(&buffer, text);
    buffer_add_text(&buffer, middle);
    for (int i = 0; i < times; i++)
        buffer_add_text(&buffer, end);
    buffer_add_byte(&buffer, '\0');
    return buffer_slice(&buffer);
}

static void bounds_nesting_and_size(void) {
    static char text[1 << 16];
    struct slice deep = repeated("{{#a}}", TEMPLATE_DEPTH_MAX, "{{b}}", "{{/a}}");
    memcpy(text, deep.at, deep.len);
    CHECK(prints(text, "{\"a\":true,\"b\":1}", "1"));
    deep = repeated("{{#a}}", TEMPLATE_DEPTH_MAX + 1, "", "{{/a}}");
    memcpy(text, deep.at, deep.len);
    CHECK(refuses(text, "main.html:1: sections are nested too deep"));
    deep = repeated("{{#a}}", TEMPLATE_DEPTH_MAX, "{{>part}}", "{{/a}}");
    memcpy(text, deep.at, deep.len);
    const char *const part[] = {"part", "{{#x}}{{/x}}", NULL};
    CHECK(refuses_with(text, part, "part.html:1: sections are nested too deep"));
    /* Partials that double at each step: refused when the page has grown too large, not when memory has gone. */
    const char *const doubling[] = {"a", "{{>b}}{{>b}}{{>b}}{{>b}}{{>b}}{{>b}}", "b", "{{>c}}{{>c}}{{>c}}{{>c}}{{>c}}",
                                    "c", "{{>d}}{{>d}}{{>d}}{{>d}}{{>d}}{{>d}}", "d", "{{>e}}{{>e}}{{>e}}{{>e}}{{>e}}",
                                    "e", "{{>f}}{{>f}}{{>f}}{{>f}}{{>f}}{{>f}}", "f", "1{{x}}2{{x}}3{{x}}4{{x}}{{x}}",
                                    NULL};
    CHECK(refuses_with("{{>a}}", doubling, "f.html:1: the page has grown too large"));
    /* A list inside itself: the output stops at its limit. */
    struct program program;
    arena_free(&arena);
    CHECK(link_set("{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}{{#l}}xxxxxxxx{{/l}}{{/l}}{{/l}}{{/l}}{{/l}}{{/l}}", NULL, &program));
    struct value *context = value_map(&arena), *list = value_list(&arena);
    for (int i = 0; i < 100; i++)
        value_append(list, value_int(&arena, i));
    value_set_value(context, "l", list);
    struct buffer buffer = buffer_in(&arena);
    template_render(&program, &buffer, context, NULL);
    CHECK(buffer.len >= TEMPLATE_OUTPUT_MAX && buffer.len < TEMPLATE_OUTPUT_MAX + 64);
}

/* Whatever bytes a template has: refused or printed, never a crash, and what comes out of values is escaped. */
static void survives_noise(void) {
    static const char *const bits[] = {
        "{{",     "}}",    "#",      "^",      "/",          ">",        "<",         "$body",       "a",    "b.c",
        " ",      "\n",    "\"",     "=",      "<a href=\"", "<script>", "</script>", "-->",         "<!--", "{{#a}}",
        "{{/a}}", "{{a}}", "{{<l}}", "{{/l}}", "'",          "{{>l}}",   "/>",        "javascript:", "&",    "title"};
    const char *const layout[] = {"l", "<p>{{$body}}</p>", NULL};
    srand(7);
    int linked = 0;
    for (int round = 0; round < 20000; round++) {
        char text[512] = "";
        for (int i = rand() % 12; i >= 0; i--)
            strcat(text, bits[(size_t)rand() % (sizeof(bits) / sizeof(*bits))]);
        struct program program;
        arena_free(&arena);
        if (!link_set(text, layout, &program))
            continue;
        linked++;
        struct buffer buffer = buffer_in(&arena);
        template_render(
            &program, &buffer,
            json_parse(&arena, SLICE("{\"a\":[\"<\\u0007\",{\"a\":1}],\"b\":{\"c\":\"\\\"\\u0007\"}}"), NULL), NULL);
        struct slice out = buffer_slice(&buffer);
        CHECK(!memmem(out.at, out.len, "<\a", 2) && !memmem(out.at, out.len, "\"\a", 2));
    }
    CHECK(linked > 500);
}

int main(void) {
    RUN(escapes_every_value);
    RUN(prints_each_kind);
    RUN(sections_follow_the_value);
    RUN(tags_take_their_own_line);
    RUN(puts_pages_into_a_layout);
    RUN(keeps_other_schemes_out_of_urls);
    RUN(tells_what_is_broken_and_where);
    RUN(follows_the_html);
    RUN(bounds_nesting_and_size);
    RUN(survives_noise);
    arena_free(&arena);
    arena_pool_drain();
    return unit_end();
}
