/* The shipped templates: they load, they print what they are given, and nothing that a stranger wrote
 * comes out as HTML. And what the loader says of a directory that is not right. */
#include "../../engine/page/page.c"

#include "../unit/unit.h"

#include "base/json.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPLATES MOONLATCH_HOME "/templates"

enum { PAGE_SIZE_MAX = 30 * 1024 };

static struct arena arena;

/* Every %s is a text that somebody else may have written. */
#define COMMON \
    "\"issuer\":\"%s\",\"style_url\":\"/assets/style.css?v=1\",\"script_url\":\"/assets/" \
    "wallet.js?v=1\",\"title\":\"%s\""
#define APP \
    "\"app\":{\"name\":\"%s\",\"description\":\"%s\",\"homepage_url\":\"%s\",\"logo_url\":\"%s\"},\"owner\":{" \
    "\"username\":\"%s\"}"
#define SCOPE(more) "{\"name\":\"%s\",\"description\":\"%s\"" more "}"

#define EVENT \
    "{\"time\":\"%s\",\"kind\":\"%s\",\"username\":\"%s\",\"user_url\":\"%s\",\"app_id\":\"%s\",\"app_url\":\"%s\"," \
    "\"address\":\"%s\",\"detail\":\"%s\",\"decisions\":\"%s\",\"request_id\":\"%s\"}"

static const struct {
    const char *page, *context;
} cases[] = {
    {"login", "{" COMMON "," APP ",\"error\":\"%s\",\"methods\":{\"fingerprint\":true,\"hotkey\":true},"
              "\"nonce\":\"%s\",\"message\":\"%s\",\"fields\":[{\"name\":\"state\",\"value\":\"%s\"},"
              "{\"name\":\"scope\",\"value\":\"%s\"}]}"},
    {"consent",
     "{" COMMON "," APP ",\"user\":{\"username\":\"%s\"},\"page\":{\"title\":\"%s\",\"groups\":["
     "{\"title\":\"%s\",\"scopes\":[" SCOPE("") "," SCOPE(
         ",\"optional\":true,\"checked\":true") "]},"
                                                "{\"title\":\"%s\",\"scopes\":[" SCOPE(
                                                    ",\"optional\":true,\"checked\":false") "]}],"
                                                                                            "\"warnings\":[\"%s\",\"%"
                                                                                            "s\"]},\"lifetime\":\"%s\","
                                                                                            "\"redirect_host\":\"%s\","
                                                                                            "\"user_code\":\"%s\","
                                                                                            "\"form_action\":\"%s\"}"},
    {"device", "{" COMMON ",\"error\":\"%s\",\"user_code\":\"%s\"}"},
    {"error", "{" COMMON ",\"message\":\"%s\",\"status\":400,\"request_id\":\"%s\"}"},
    {"signed_in", "{" COMMON ",\"user\":{\"username\":\"%s\"},\"message\":\"%s\",\"steps\":["
                  "{\"title\":\"%s\",\"text\":\"%s\",\"code\":\"%s\"},{\"title\":\"%s\",\"code\":\"%s\"}]}"},
    {"logout", "{" COMMON ",\"app\":{\"name\":\"%s\"},\"user\":{\"username\":\"%s\"},"
               "\"fields\":[{\"name\":\"state\",\"value\":\"%s\"}]}"},
    {"signed_out", "{" COMMON ",\"message\":\"%s\"}"},
    {"home", "{" COMMON ",\"version\":\"%s\",\"database\":\"%s\",\"policies\":\"%s\",\"try_url\":\"%s\","
             "\"demo\":true,\"links\":[{\"title\":\"%s\",\"url\":\"%s\"}],"
             "\"endpoints\":[{\"method\":\"%s\",\"path\":\"%s\",\"note\":\"%s\"}]}"},
    {"admin_users", "{" COMMON ",\"viewer\":\"%s\",\"q\":\"%s\",\"next_url\":\"%s\",\"users\":[{\"username\":\"%s\","
                    "\"url\":\"%s\",\"roles\":\"%s\",\"hotkey\":\"%s\",\"created\":\"%s\"}]}"},
    {"admin_app", "{" COMMON ",\"name\":\"%s\",\"description\":\"%s\",\"facts\":[{\"name\":\"%s\",\"text\":\"%s\","
                  "\"url\":\"%s\"}],\"events\":[" EVENT "]}"},
    {"admin_user", "{" COMMON ",\"username\":\"%s\",\"apps\":[{\"name\":\"%s\",\"url\":\"%s\","
                   "\"users\":\"%s\",\"created\":\"%s\"}],\"allowed\":[{\"name\":\"%s\","
                   "\"url\":\"%s\",\"scopes\":\"%s\",\"since\":\"%s\"}],\"events\":[" EVENT "]}"},
    {"admin_audit", "{" COMMON ",\"filter\":{\"user\":\"%s\",\"app\":\"%s\",\"address\":\"%s\",\"request_id\":\"%s\","
                    "\"from\":\"%s\",\"to\":\"%s\"},\"csv_url\":\"%s\",\"next_url\":\"%s\",\"events\":[" EVENT "]}"},
};
enum { CASES = sizeof(cases) / sizeof(*cases) };

static struct value *filled(const char *context, const char *text) {
    struct buffer json = buffer_in(&arena);
    for (const char *at = context; *at; at++) {
        if (at[0] == '%' && at[1] == 's') {
            buffer_add_text(&json, text);
            at++;
        } else {
            buffer_add_byte(&json, *at);
        }
    }
    struct slice error = SLICE_NONE;
    struct value *value = json_parse(&arena, buffer_slice(&json), &error);
    if (!value)
        printf("# %.*s\n", SLICE_ARG(error));
    return value;
}

static struct pages *shipped(void) {
    struct slice error = SLICE_NONE;
    struct pages *pages =
        pages_open(&arena, &(struct pages_from){TEMPLATES, TEMPLATES, {.name = SLICE("Moonlatch")}}, &error);
    if (!pages)
        printf("# %.*s\n", SLICE_ARG(error));
    CHECK(pages != NULL);
    return pages;
}

static bool contains(struct slice text, const char *part) {
    return memmem(text.at, text.len, part, strlen(part)) != NULL;
}

static size_t count_of(struct slice text, char byte) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == byte;
    return count;
}

static size_t count_text(struct slice text, const char *part) {
    size_t count = 0;
    for (const char *at = text.at; (at = memmem(at, text.len - (size_t)(at - text.at), part, strlen(part))); at++)
        count++;
    return count;
}

static void prints_all_that_it_is_given(void) {
    struct pages *pages = shipped();
    for (size_t i = 0; i < CASES; i++) {
        struct slice out = page_render(pages, &arena, cases[i].page, filled(cases[i].context, "quince"), NULL);
        CHECK(contains(out, "<!doctype html>") && contains(out, "</html>"));
        /* the nonce and such come out more than once, nothing is left out */
        CHECK(count_text(out, "quince") >= count_text(slice_of(cases[i].context), "%s"));
        CHECK(!contains(out, "{{") && !contains(out, "style=") && !contains(out, "<style") &&
              !contains(out, " onclick"));
    }
    pages_close(pages);
}

/* Escaping is complete when hostile texts add no byte that has a meaning in HTML. */
static void lets_no_markup_through(void) {
    static const char *const hostile[] = {
        "</title></textarea></script><script>alert(1)</script>",
        "\\\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "<!--",
        "]]><![CDATA[",
        "`${alert(1)}`",
        "{{title}}{{#app}}",
        "&lt;script&gt;",
    };
    static const char meaningful[] = "<>\"'`";
    struct pages *pages = shipped();
    for (size_t i = 0; i < CASES; i++) {
        struct slice plain = page_render(pages, &arena, cases[i].page, filled(cases[i].context, "quince"), NULL);
        for (size_t j = 0; j < sizeof(hostile) / sizeof(*hostile); j++) {
            struct slice out = page_render(pages, &arena, cases[i].page, filled(cases[i].context, hostile[j]), NULL);
            for (const char *byte = meaningful; *byte; byte++)
                CHECK(count_of(out, *byte) == count_of(plain, *byte));
            CHECK(!contains(out, "<script>") && !contains(out, "<img src=x"));
        }
    }
    pages_close(pages);
}

static void lets_no_script_into_a_url(void) {
    struct pages *pages = shipped();
    for (size_t i = 0; i < CASES; i++) {
        struct slice out =
            page_render(pages, &arena, cases[i].page, filled(cases[i].context, "javascript:alert(1)"), NULL);
        CHECK(!contains(out, "href=\"javascript") && !contains(out, "src=\"javascript"));
        CHECK(!contains(out, "action=\"javascript"));
        out = page_render(pages, &arena, cases[i].page, filled(cases[i].context, " data:text/html,x"), NULL);
        CHECK(!contains(out, "href=\" data") && !contains(out, "src=\" data") && !contains(out, "action=\" data"));
    }
    pages_close(pages);
}

static void pages_are_small(void) {
    struct pages *pages = shipped();
    struct asset style, script;
    CHECK(pages_asset(pages, SLICE("style.css"), &style) && pages_asset(pages, SLICE("wallet.js"), &script));
    for (size_t i = 0; i < CASES; i++) {
        struct value *context = filled(cases[i].context, "a text of middling length, as they are");
        struct slice out = page_render(pages, &arena, cases[i].page, context, NULL);
        CHECK(out.len + style.bytes.len + script.bytes.len < PAGE_SIZE_MAX);
    }
    pages_close(pages);
}

static void pages_print_without_a_context(void) {
    struct pages *pages = shipped();
    for (size_t i = 0; i < CASES; i++) {
        CHECK(contains(page_render(pages, &arena, cases[i].page, NULL, NULL), "</html>"));
        CHECK(contains(page_render(pages, &arena, cases[i].page, value_map(&arena), NULL), "</html>"));
    }
    CHECK(page_render(pages, &arena, "no_such_page", NULL, NULL).len == 0);
    CHECK(page_render(pages, &arena, "layout", NULL, NULL).len == 0);
    pages_close(pages);
}

static void offers_only_the_methods_that_are_on(void) {
    struct pages *pages = shipped();
    const char *both = "{\"methods\":{\"fingerprint\":true,\"hotkey\":true}}";
    struct slice out = page_render(pages, &arena, "login", filled(both, ""), NULL);
    CHECK(contains(out, "value=\"fingerprint\"") && contains(out, "value=\"hotkey\"") &&
          !contains(out, "role=\"alert\""));
    out = page_render(pages, &arena, "login", filled("{\"methods\":{\"fingerprint\":true}}", ""), NULL);
    CHECK(contains(out, "value=\"fingerprint\"") && !contains(out, "value=\"hotkey\"") && !contains(out, "<script"));
    out = page_render(pages, &arena, "login", filled("{\"methods\":{\"hotkey\":true}}", ""), NULL);
    CHECK(!contains(out, "value=\"fingerprint\"") && contains(out, "value=\"hotkey\""));
    out = page_render(pages, &arena, "login", filled("{\"methods\":{},\"error\":\"no\"}", ""), NULL);
    CHECK(!contains(out, "<form") && contains(out, "role=\"alert\">no<"));
    pages_close(pages);
}

static void consent_asks_as_the_policy_says(void) {
    struct pages *pages = shipped();
    struct slice out = page_render(pages, &arena, "consent", filled(cases[1].context, "quince"), NULL);
    CHECK(count_text(out, "type=\"checkbox\" name=\"scope\" value=\"quince\"") == 2);
    CHECK(count_text(out, " checked>") == 1);
    CHECK(count_text(out, "class=\"warning\"") == 3); /* the policy's two, and the one of a device */
    CHECK(contains(out, "name=\"action\" value=\"approve\"") && contains(out, "name=\"action\" value=\"deny\""));
    pages_close(pages);
}

static void serves_assets_by_content(void) {
    struct pages *pages = shipped();
    struct asset style, script;
    CHECK(pages_asset(pages, SLICE("style.css"), &style) && strcmp(style.media_type, "text/css; charset=utf-8") == 0);
    CHECK(pages_asset(pages, SLICE("wallet.js"), &script));
    CHECK(strcmp(script.media_type, "text/javascript; charset=utf-8") == 0);
    CHECK(style.version.len == 12 && strspn(style.version.at, "0123456789abcdef") == 12);
    CHECK(!slice_equal(style.version, script.version));
    CHECK(!pages_asset(pages, SLICE("../login.html"), &style) && !pages_asset(pages, SLICE(""), &style));
    CHECK(strcmp(media_type_of(SLICE("a.SVG")), "image/svg+xml") == 0);
    CHECK(strcmp(media_type_of(SLICE(".css")), "application/octet-stream") == 0);
    pages_close(pages);
}

/* --- directories that are not right --- */

static char directory[64];

static void write_file(const char *name, struct slice bytes) {
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    CHECK(file && fwrite(bytes.at, 1, bytes.len, file) == bytes.len);
    if (file)
        fclose(file);
}

static void remove_file(const char *name) {
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    remove(path);
}

static bool opens(void) {
    struct slice error;
    struct pages *pages = pages_open(&arena, &(struct pages_from){.shipped = directory, .own = directory}, &error);
    if (!pages)
        printf("# %.*s\n", SLICE_ARG(error));
    pages_close(pages);
    return pages != NULL;
}

static bool refuses(const char *expected) {
    struct slice error = SLICE_NONE;
    struct pages *pages = pages_open(&arena, &(struct pages_from){.shipped = directory, .own = directory}, &error);
    pages_close(pages);
    if (!pages && contains(error, expected))
        return true;
    printf("# said: %.*s\n", SLICE_ARG(error));
    return false;
}

static void tells_what_a_directory_lacks(void) {
    snprintf(directory, sizeof(directory), "/tmp/page_unit_%d", getpid());
    CHECK(refuses(": No such file or directory"));
    CHECK(mkdir(directory, 0700) == 0);
    CHECK(refuses("/login.html:1: this page is missing"));
    for (size_t i = 0; i < sizeof(required_pages) / sizeof(*required_pages); i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s.html", required_pages[i]);
        write_file(name, SLICE("<p>{{title}}</p>"));
    }
    CHECK(opens()); /* assets/ need not be there */
    remove_file("consent.html");
    CHECK(refuses("/consent.html:1: this page is missing"));
    write_file("consent.html", SLICE("\xef\xbb\xbf<p>{{title}}</p>"));
    CHECK(opens());
    write_file("consent.html", SLICE("{{>login}}"));
    CHECK(opens()); /* a page that another one includes is still a page */
    write_file("consent.html", SLICE("a\nb\xff"));
    CHECK(refuses("/consent.html:2: not UTF-8 text"));
    write_file("consent.html", SLICE("a\0"));
    CHECK(refuses("/consent.html:1: not UTF-8 text"));
    write_file("consent.html", SLICE("a\n\n<a {{b}}>"));
    CHECK(refuses("/consent.html:3: a value may stand"));
    write_file("consent.html", SLICE(""));
    write_file(".#login.html", SLICE("{{broken"));
    write_file("login.html~", SLICE("{{broken"));
    CHECK(opens());
    static char large[PAGE_FILE_SIZE_MAX + 1];
    memset(large, 'a', sizeof(large));
    write_file("consent.html", (struct slice){large, sizeof(large)});
    CHECK(refuses("/consent.html: the file is too large"));
    static const char *const made[] = {"login.html",     "consent.html", "error.html",
                                       "signed_in.html", "home.html",    "device.html",
                                       ".#login.html",   "login.html~",  ""};
    for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++)
        remove_file(made[i]);
}

int main(void) {
    RUN(prints_all_that_it_is_given);
    RUN(lets_no_markup_through);
    RUN(lets_no_script_into_a_url);
    RUN(pages_are_small);
    RUN(pages_print_without_a_context);
    RUN(offers_only_the_methods_that_are_on);
    RUN(consent_asks_as_the_policy_says);
    RUN(serves_assets_by_content);
    RUN(tells_what_a_directory_lacks);
    arena_free(&arena);
    arena_pool_drain();
    return unit_end();
}
